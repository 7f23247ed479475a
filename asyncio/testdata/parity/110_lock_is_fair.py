import asyncio


async def work(name, lock):
    async with lock:
        print(name, "enters")
        await asyncio.sleep(0)
        print(name, "leaves")


async def main():
    lock = asyncio.Lock()
    await asyncio.gather(*(work(name, lock) for name in "abcd"))
    print(lock.locked())


asyncio.run(main())
