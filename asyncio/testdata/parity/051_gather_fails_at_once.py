import asyncio


async def work(n, fail):
    await asyncio.sleep(n * 0.015)
    print("ends", n)
    if fail:
        raise ValueError(f"error {n}")


async def main():
    tasks = [asyncio.create_task(work(n, n in (1, 2))) for n in (1, 2, 3)]
    try:
        await asyncio.gather(*tasks)
    except ValueError as e:
        print("gather:", e)
    print([t.done() for t in tasks])
    await asyncio.sleep(0.06)
    print([t.done() for t in tasks])


asyncio.run(main())
