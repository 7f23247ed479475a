"""The TCP echo servers of package bench, on CPython's asyncio or on uvloop.

usage: echo.py (asyncio|uvloop) (protocol|streams)

Prints "PORT,PORT" and serves until standard input ends; answers a line there with
"settled".
"""

import asyncio
import gc
import sys

BLOCK = 64 << 10


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def stream(reader, writer):
    try:
        while data := await reader.read(BLOCK):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def main(style):
    loop = asyncio.get_running_loop()
    ports = []
    for _ in range(2):
        if style == "protocol":
            server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=4096)
        else:
            server = await asyncio.start_server(stream, "127.0.0.1", 0, backlog=4096)
        ports.append(str(server.sockets[0].getsockname()[1]))
    print(",".join(ports), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        gc.collect()
        print("settled", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "uvloop":
        import uvloop

        uvloop.install()
    asyncio.run(main(sys.argv[2]))
