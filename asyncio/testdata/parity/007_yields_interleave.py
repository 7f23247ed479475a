import asyncio


async def work(name, n):
    for i in range(n):
        print(name, i)
        await asyncio.sleep(0)
    print(name, "ends")


async def main():
    await asyncio.gather(work("a", 2), work("b", 4), work("c", 1))


asyncio.run(main())
