import asyncio


async def work():
    try:
        print("sleeps")
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        print("interrupted")
        raise
    finally:
        print("finally")


async def main():
    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    print("cancel called")
    try:
        await task
    except asyncio.CancelledError:
        print("CancelledError")


asyncio.run(main())
