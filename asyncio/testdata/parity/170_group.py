import asyncio


async def work(n):
    await asyncio.sleep(n * 0.015)
    print("ends", n)
    return n


async def main():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(n)) for n in (2, 1, 3)]
        print("body ends")
    print([t.result() for t in tasks])


asyncio.run(main())
