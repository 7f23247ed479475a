import asyncio


async def main():
    async with asyncio.timeout(0) as scope:
        print("does not suspend")
    print(scope.expired())
    try:
        async with asyncio.timeout(0) as scope:
            await asyncio.sleep(10)
    except TimeoutError:
        print("TimeoutError")


asyncio.run(main())
