import asyncio


async def work():
    print("never")


async def main():
    task = asyncio.create_task(work())
    print(task.cancel())
    print(task.done(), task.cancelled())
    try:
        await task
    except asyncio.CancelledError:
        print("CancelledError")
    print(task.done(), task.cancelled())


asyncio.run(main())
