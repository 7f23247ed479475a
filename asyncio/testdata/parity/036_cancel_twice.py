import asyncio


async def work():
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        print("interrupted")
        raise


async def main():
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    print(task.cancel(), task.cancel())
    try:
        await task
    except asyncio.CancelledError:
        print("CancelledError")
    print(task.cancel())


asyncio.run(main())
