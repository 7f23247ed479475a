import asyncio


async def work():
    try:
        await asyncio.sleep(10)
    finally:
        print("cleans up")
        await asyncio.sleep(0.02)
        print("is clean")


async def main():
    try:
        await asyncio.wait_for(work(), 0.02)
    except asyncio.TimeoutError:
        print("TimeoutError")


asyncio.run(main())
