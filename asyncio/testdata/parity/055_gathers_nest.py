import asyncio


async def after(n):
    await asyncio.sleep(n * 0.015)
    print("ends", n)
    return n


async def main():
    a = asyncio.gather(after(1), after(4))
    b = asyncio.gather(after(3), after(2))
    print(await asyncio.gather(a, b))


asyncio.run(main())
