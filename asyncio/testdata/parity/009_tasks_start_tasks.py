import asyncio


async def work(path, depth):
    print("enter", path)
    if depth:
        kids = [asyncio.create_task(work(path + str(i), depth - 1)) for i in range(2)]
        for kid in kids:
            await kid
    print("leave", path)


async def main():
    await asyncio.create_task(work("r", 2))


asyncio.run(main())
