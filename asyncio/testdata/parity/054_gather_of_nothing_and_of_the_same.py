import asyncio


async def main():
    print(await asyncio.gather())
    task = asyncio.create_task(asyncio.sleep(0.01, 5))
    print(await asyncio.gather(task, task, task))


asyncio.run(main())
