import asyncio


async def main():
    loop = asyncio.get_running_loop()
    fut = loop.create_future()
    fut.set_result(None)
    loop.call_soon(print, "one")
    loop.call_soon(loop.call_soon, print, "two")
    print("waits")
    await asyncio.wait([fut])
    print("returns")
    await asyncio.sleep(0)


asyncio.run(main())
