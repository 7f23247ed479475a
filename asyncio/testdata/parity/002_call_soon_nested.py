import asyncio


async def main():
    loop = asyncio.get_running_loop()

    def first():
        print("first")
        loop.call_soon(print, "scheduled by first")

    loop.call_soon(first)
    loop.call_soon(print, "second")
    for turn in range(3):
        print("turn", turn)
        await asyncio.sleep(0)


asyncio.run(main())
