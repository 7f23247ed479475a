import asyncio


async def ok():
    await asyncio.sleep(0.01)
    return "value"


async def fail():
    await asyncio.sleep(0.01)
    raise ValueError("boom")


async def main():
    print(await asyncio.wait_for(ok(), 1))
    try:
        await asyncio.wait_for(fail(), 1)
    except ValueError as e:
        print(e)


asyncio.run(main())
