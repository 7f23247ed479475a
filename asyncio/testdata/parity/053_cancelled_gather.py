import asyncio


async def work(n):
    try:
        await asyncio.sleep(10)
    finally:
        print("ends", n)


async def main():
    tasks = [asyncio.create_task(work(n)) for n in range(3)]
    all = asyncio.gather(*tasks)
    await asyncio.sleep(0.01)
    print(all.cancel())
    try:
        await all
    except asyncio.CancelledError:
        print("CancelledError")
    print([t.cancelled() for t in tasks])


asyncio.run(main())
