import asyncio


async def after(n):
    await asyncio.sleep(n * 0.015)
    print(n)


async def main():
    await asyncio.gather(*(after(n) for n in (5, 2, 4, 1, 3)))


asyncio.run(main())
