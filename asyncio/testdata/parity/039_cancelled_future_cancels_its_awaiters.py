import asyncio


async def wait(name, fut):
    try:
        await fut
    except asyncio.CancelledError:
        print(name, "CancelledError")
        raise


async def main():
    fut = asyncio.get_running_loop().create_future()
    tasks = [asyncio.create_task(wait(name, fut)) for name in "ab"]
    await asyncio.sleep(0)
    print(fut.cancel())
    await asyncio.wait(tasks)
    for task in tasks:
        print(task.cancelled())


asyncio.run(main())
