import asyncio


async def main():
    loop = asyncio.get_running_loop()
    a = loop.call_soon(print, "a")
    b = loop.call_soon(print, "b")
    c = loop.call_later(0.01, print, "c")
    d = loop.call_later(0.02, print, "d")
    a.cancel()
    c.cancel()
    print(a.cancelled(), b.cancelled(), c.cancelled(), d.cancelled())
    await asyncio.sleep(0.04)


asyncio.run(main())
