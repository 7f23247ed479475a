import asyncio


async def main():
    queue = asyncio.Queue(2)

    async def producer():
        for i in range(5):
            await queue.put(i)
            print("put", i)

    task = asyncio.create_task(producer())
    await asyncio.sleep(0.01)
    print("full", queue.full(), queue.qsize())
    for i in range(5):
        print("got", await queue.get())
        await asyncio.sleep(0.01)
    await task


asyncio.run(main())
