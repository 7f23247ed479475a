import asyncio


async def answer():
    await asyncio.sleep(0.01)
    return 42


async def main():
    task = asyncio.create_task(answer())
    print(task.done())
    print(await task, await task, task.result(), task.exception())
    print(task.done(), task.cancelled())


asyncio.run(main())
