"""The client's work of package bench: aiohttp on uvloop.

usage: client.py URL CONNECTIONS REQUESTS SECONDS

Keeps CONNECTIONS requests in flight on as many kept-alive connections and reads
every body, REQUESTS at a time, for about SECONDS; prints one JSON object:
iterations (of REQUESTS each), wall and CPU seconds, peak resident bytes.
"""

import asyncio
import json
import resource
import sys
import time

import aiohttp
import uvloop


async def batch(session, url, connections, requests):
    left = requests

    async def worker():
        nonlocal left
        while left > 0:
            left -= 1
            async with session.get(url) as resp:
                await resp.read()
                if resp.status != 200:
                    raise RuntimeError(f"status {resp.status}")

    await asyncio.gather(*[worker() for _ in range(connections)])


async def measure(url, connections, requests, seconds):
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        await batch(session, url, connections, connections)  # dial
        iterations = 1
        while True:
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(iterations):
                await batch(session, url, connections, requests)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            if wall >= seconds / 2:
                return iterations, wall, cpu
            iterations *= 2


def main():
    url, connections, requests, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    uvloop.install()
    iterations, wall, cpu = asyncio.run(measure(url, connections, requests, seconds))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"iterations": iterations, "wall": wall, "cpu": cpu, "peak": peak}))


main()
