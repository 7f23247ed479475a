import asyncio


async def work():
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        print("inner interrupted")
        raise


async def main():
    task = asyncio.create_task(work())
    caller = asyncio.create_task(asyncio.wait_for(task, 20))
    await asyncio.sleep(0.01)
    caller.cancel()
    try:
        await caller
    except asyncio.CancelledError:
        print("CancelledError", task.cancelled())


asyncio.run(main())
