import asyncio


async def sleeper():
    asyncio.current_task().cancel()
    print("still here")
    await asyncio.sleep(10)
    print("never")


async def raiser():
    asyncio.current_task().cancel()
    raise ValueError("boom")


async def main():
    for coro in (sleeper(), raiser()):
        task = asyncio.create_task(coro)
        await asyncio.wait([task])
        if task.cancelled():
            print("cancelled")
        else:
            print("error:", task.exception())


asyncio.run(main())
