import asyncio


async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: print("handler:", context["exception"]))

    def bad():
        raise ValueError("boom")

    loop.call_soon(bad)
    loop.call_soon(print, "next")
    await asyncio.sleep(0.01)
    print("end")


asyncio.run(main())
