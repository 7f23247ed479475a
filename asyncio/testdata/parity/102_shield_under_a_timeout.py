import asyncio


async def work():
    await asyncio.sleep(0.1)
    print("work ends")


async def main():
    try:
        async with asyncio.timeout(0.02):
            await asyncio.shield(work())
    except TimeoutError:
        print("TimeoutError")
    await asyncio.sleep(0.2)


asyncio.run(main())
