import asyncio


async def main():
    for queue in (asyncio.PriorityQueue(), asyncio.LifoQueue(), asyncio.Queue()):
        for i in (3, 1, 2):
            queue.put_nowait(i)
        print([await queue.get() for _ in range(3)])


asyncio.run(main())
