import asyncio


async def main():
    try:
        async with asyncio.timeout(0.1):
            try:
                async with asyncio.timeout(0.02):
                    await asyncio.sleep(10)
            except TimeoutError:
                print("inner TimeoutError")
            await asyncio.sleep(0.01)
            print("outer goes on")
    except TimeoutError:
        print("never")


asyncio.run(main())
