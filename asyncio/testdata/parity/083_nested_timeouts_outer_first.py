import asyncio


async def main():
    try:
        async with asyncio.timeout(0.02) as outer:
            async with asyncio.timeout(10) as inner:
                await asyncio.sleep(5)
    except TimeoutError:
        print("TimeoutError")
    print(outer.expired())


asyncio.run(main())
