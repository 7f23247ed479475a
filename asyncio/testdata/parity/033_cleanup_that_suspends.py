import asyncio


async def work(name):
    try:
        await asyncio.sleep(10)
    finally:
        print(name, "cleans up")
        await asyncio.sleep(0.01)
        print(name, "is clean")


async def main():
    tasks = [asyncio.create_task(work(name)) for name in "ab"]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    print(await asyncio.gather(*tasks, return_exceptions=True) != [])
    print([task.cancelled() for task in tasks] == [True, True])


asyncio.run(main())
