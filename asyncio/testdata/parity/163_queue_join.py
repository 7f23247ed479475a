import asyncio


async def main():
    queue = asyncio.Queue()

    async def worker(name):
        while True:
            item = await queue.get()
            await asyncio.sleep(0.01)
            print(name, "did", item)
            queue.task_done()

    for i in range(4):
        queue.put_nowait(i)
    workers = [asyncio.create_task(worker("w")) for _ in range(1)]
    await queue.join()
    print("joined")
    for w in workers:
        w.cancel()
    await asyncio.wait(workers)
    try:
        queue.task_done()
    except ValueError:
        print("ValueError")


asyncio.run(main())
