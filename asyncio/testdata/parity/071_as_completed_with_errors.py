import asyncio


async def after(n):
    await asyncio.sleep(n * 0.015)
    if n % 2 == 0:
        raise ValueError(f"error {n}")
    return n


async def main():
    for next in asyncio.as_completed([after(n) for n in (4, 3, 2, 1)]):
        try:
            print(await next)
        except ValueError as e:
            print(e)


asyncio.run(main())
