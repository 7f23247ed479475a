import asyncio


async def main():
    loop = asyncio.get_running_loop()
    for seconds in (-1, 0.02):
        try:
            async with asyncio.timeout_at(loop.time() + seconds):
                await asyncio.sleep(10)
        except TimeoutError:
            print("TimeoutError")


asyncio.run(main())
