import asyncio


async def work(n, barrier):
    try:
        await barrier.wait()
    except asyncio.BrokenBarrierError:
        print("broken", n)


async def main():
    barrier = asyncio.Barrier(3)
    tasks = [asyncio.create_task(work(n, barrier)) for n in range(2)]
    await asyncio.sleep(0.01)
    await barrier.abort()
    await asyncio.gather(*tasks)
    print(barrier.broken)
    await work(2, barrier)


asyncio.run(main())
