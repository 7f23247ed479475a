import asyncio


async def ok():
    return 1


async def fail():
    raise ValueError("boom")


async def main():
    for coro in (ok(), fail()):
        task = asyncio.create_task(coro)
        await asyncio.sleep(0)
        print(task.cancel(), task.done(), task.cancelled(), task.exception())


asyncio.run(main())
