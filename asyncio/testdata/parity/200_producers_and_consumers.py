import asyncio


async def producer(name, queue, n):
    for i in range(n):
        await queue.put(f"{name}{i}")
        await asyncio.sleep(0.01)


async def consumer(name, queue):
    while (item := await queue.get()) is not None:
        print(name, item)


async def main():
    queue = asyncio.Queue(1)
    c = asyncio.create_task(consumer("c", queue))
    await asyncio.gather(producer("a", queue, 2), producer("b", queue, 2))
    await queue.put(None)
    await c


asyncio.run(main())
