import asyncio


async def work(n, fail):
    await asyncio.sleep(n * 0.015)
    if fail:
        raise ValueError("boom")


async def main():
    tasks = [asyncio.create_task(work(n, n == 2)) for n in (1, 2, 3)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    print([t in done for t in tasks], len(pending))
    print(tasks[1].exception())
    await asyncio.wait(pending)


asyncio.run(main())
