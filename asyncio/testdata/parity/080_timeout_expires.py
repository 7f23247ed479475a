import asyncio


async def main():
    try:
        async with asyncio.timeout(0.02):
            print("enters")
            await asyncio.sleep(10)
            print("never")
    except TimeoutError:
        print("TimeoutError")
    await asyncio.sleep(0.01)
    print("goes on")


asyncio.run(main())
