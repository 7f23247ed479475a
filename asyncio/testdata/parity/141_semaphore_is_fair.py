import asyncio


async def work(name, semaphore):
    await semaphore.acquire()
    print(name)


async def main():
    semaphore = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(work(name, semaphore)) for name in "abc"]
    await asyncio.sleep(0)
    tasks[0].cancel()
    semaphore.release()
    await asyncio.sleep(0.01)
    print(semaphore.locked())
    semaphore.release()
    await asyncio.wait(tasks)
    print([t.cancelled() for t in tasks])


asyncio.run(main())
