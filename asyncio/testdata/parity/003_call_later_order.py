import asyncio


async def main():
    loop = asyncio.get_running_loop()
    for n in (3, 1, 4, 2):
        loop.call_later(n * 0.02, print, "timer", n)
    await asyncio.sleep(0.12)
    print("end")


asyncio.run(main())
