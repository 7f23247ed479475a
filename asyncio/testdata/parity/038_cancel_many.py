import asyncio


async def work(n):
    try:
        await asyncio.sleep(n)
    except asyncio.CancelledError:
        print("interrupted", n)
        raise


async def main():
    tasks = [asyncio.create_task(work(n)) for n in (3, 1, 2)]
    await asyncio.sleep(0.01)
    for task in reversed(tasks):
        task.cancel()
    await asyncio.wait(tasks)
    print(all(task.cancelled() for task in tasks))


asyncio.run(main())
