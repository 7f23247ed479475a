import asyncio


async def work(n, barrier):
    await asyncio.sleep(n * 0.01)
    print("arrives", n, "with", barrier.n_waiting, "waiting")
    await barrier.wait()
    return "passed"


async def main():
    barrier = asyncio.Barrier(3)
    print(await asyncio.gather(*(work(n, barrier) for n in range(3))))
    print(barrier.n_waiting, barrier.broken)


asyncio.run(main())
