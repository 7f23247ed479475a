import asyncio


async def main():
    async with asyncio.timeout(0.1) as scope:
        await asyncio.sleep(0.01)
    print(scope.expired())
    await asyncio.sleep(0.12)
    print("not interrupted later")


asyncio.run(main())
