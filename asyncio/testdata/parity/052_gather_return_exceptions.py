import asyncio


async def ok():
    await asyncio.sleep(0.02)
    return "ok"


async def fail():
    raise ValueError("boom")


async def main():
    gone = asyncio.create_task(asyncio.sleep(10))
    gone.cancel()
    for r in await asyncio.gather(ok(), fail(), gone, return_exceptions=True):
        if isinstance(r, asyncio.CancelledError):
            print("CancelledError")
        else:
            print(r)


asyncio.run(main())
