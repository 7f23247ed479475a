import asyncio


async def count():
    i = 0
    while True:
        print("count", i)
        i += 1
        await asyncio.sleep(0)


async def main():
    task = asyncio.create_task(count())
    for i in range(3):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    print(task.cancelled())


asyncio.run(main())
