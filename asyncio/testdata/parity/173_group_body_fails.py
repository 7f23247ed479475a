import asyncio


async def work():
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        print("interrupted")
        raise


async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
            await asyncio.sleep(0.01)
            raise ValueError("body")
    except ExceptionGroup as e:
        print([str(x) for x in e.exceptions])


asyncio.run(main())
