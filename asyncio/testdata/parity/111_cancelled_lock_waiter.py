import asyncio


async def work(name, lock):
    try:
        async with lock:
            print(name, "has it")
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        print(name, "gave up")


async def main():
    lock = asyncio.Lock()
    tasks = [asyncio.create_task(work(name, lock)) for name in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks)
    print(lock.locked())


asyncio.run(main())
