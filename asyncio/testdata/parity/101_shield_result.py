import asyncio


async def ok():
    return "value"


async def fail():
    raise ValueError("boom")


async def main():
    print(await asyncio.shield(ok()))
    try:
        await asyncio.shield(fail())
    except ValueError as e:
        print(e)


asyncio.run(main())
