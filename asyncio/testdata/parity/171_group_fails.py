import asyncio


async def work(name):
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        print(name, "interrupted")
        raise


async def fail():
    await asyncio.sleep(0.01)
    raise ValueError("boom")


async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work("a"))
            group.create_task(fail())
            await work("body")
    except ExceptionGroup as e:
        print([str(x) for x in e.exceptions])


asyncio.run(main())
