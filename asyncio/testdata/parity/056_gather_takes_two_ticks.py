import asyncio


async def child():
    await asyncio.sleep(0)
    print("child ends")
    loop = asyncio.get_running_loop()
    loop.call_soon(print, "one tick later")
    loop.call_soon(loop.call_soon, print, "two ticks later")


async def main():
    await asyncio.gather(child())
    print("gather returns")
    await asyncio.sleep(0)


asyncio.run(main())
