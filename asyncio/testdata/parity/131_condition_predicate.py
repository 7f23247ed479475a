import asyncio


async def main():
    cond = asyncio.Condition()
    n = 0

    async def wait():
        async with cond:
            await cond.wait_for(lambda: n >= 3)
            print("n is", n)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    while n < 4:
        async with cond:
            n += 1
            print("set", n)
            cond.notify_all()
        await asyncio.sleep(0.01)
    await task


asyncio.run(main())
