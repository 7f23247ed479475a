import asyncio


async def wait(name, cond):
    async with cond:
        await cond.wait()
        print(name, "woke")


async def main():
    cond = asyncio.Condition()
    tasks = [asyncio.create_task(wait(name, cond)) for name in "abcd"]
    await asyncio.sleep(0)
    async with cond:
        cond.notify(2)
        print("notified 2")
        await asyncio.sleep(0)
        print("still holds the lock")
    await asyncio.sleep(0.01)
    async with cond:
        cond.notify_all()
        print("notified all")
    await asyncio.gather(*tasks)


asyncio.run(main())
