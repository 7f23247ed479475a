import asyncio


async def after(n):
    await asyncio.sleep(n * 0.015)
    return n


async def main():
    for next in asyncio.as_completed([after(n) for n in (3, 1, 4, 2)]):
        print(await next)


asyncio.run(main())
