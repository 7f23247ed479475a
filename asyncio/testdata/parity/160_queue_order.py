import asyncio


async def main():
    queue = asyncio.Queue()

    async def consumer():
        while True:
            item = await queue.get()
            if item is None:
                break
            print("got", item)

    task = asyncio.create_task(consumer())
    for i in range(3):
        await queue.put(i)
        print("put", i)
    await queue.put(None)
    await task
    print(queue.empty())


asyncio.run(main())
