import asyncio
import time


def block(n):
    time.sleep(n * 0.05)
    return n


async def main():
    loop = asyncio.get_running_loop()
    first = loop.run_in_executor(None, block, 1)
    print("meanwhile")
    print(await asyncio.to_thread(block, 0))
    print(await first)

    def fail():
        raise ValueError("boom")

    try:
        await asyncio.to_thread(fail)
    except ValueError as e:
        print(e)


asyncio.run(main())
