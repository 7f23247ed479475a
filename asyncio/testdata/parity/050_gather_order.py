import asyncio


async def after(n, v):
    await asyncio.sleep(n * 0.015)
    print("ends", v)
    return v


async def main():
    print(await asyncio.gather(after(3, "a"), after(1, "b"), after(2, "c")))


asyncio.run(main())
