import asyncio


async def main():
    async with asyncio.timeout(0.02) as scope:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            print("swallowed")
    print(scope.expired())
    await asyncio.sleep(0.01)
    print("goes on")


asyncio.run(main())
