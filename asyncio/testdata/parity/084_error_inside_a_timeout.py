import asyncio


async def main():
    try:
        async with asyncio.timeout(0.05):
            await asyncio.sleep(0.01)
            raise ValueError("boom")
    except ValueError as e:
        print(e)
    try:
        async with asyncio.timeout(0.02):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                raise ValueError("cleanup")
    except ValueError as e:
        print(e)


asyncio.run(main())
