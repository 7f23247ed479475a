import asyncio


async def work(n, semaphore):
    async with semaphore:
        print("enters", n)
        await asyncio.sleep(0.01 * (n + 1))
        print("leaves", n)


async def main():
    semaphore = asyncio.Semaphore(2)
    await asyncio.gather(*(work(n, semaphore) for n in range(4)))


asyncio.run(main())
