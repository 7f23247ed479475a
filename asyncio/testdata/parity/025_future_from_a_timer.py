import asyncio


async def main():
    loop = asyncio.get_running_loop()
    fut = loop.create_future()
    loop.call_later(0.02, fut.set_result, "value")
    loop.call_later(0.01, print, "meanwhile")
    print(await fut)


asyncio.run(main())
