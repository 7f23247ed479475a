import asyncio


async def work(n, fail=False):
    await asyncio.sleep(n * 0.015)
    if fail:
        raise ValueError("boom")
    return n


async def main():
    tasks = [asyncio.create_task(work(2)), asyncio.create_task(work(1, True)), asyncio.create_task(work(3))]
    done, pending = await asyncio.wait(tasks)
    print(len(done), len(pending))
    for task in tasks:
        print(task.exception() or task.result())


asyncio.run(main())
