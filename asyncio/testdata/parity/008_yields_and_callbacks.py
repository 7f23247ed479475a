import asyncio


async def main():
    loop = asyncio.get_running_loop()

    def again(n):
        print("callback", n)
        if n < 4:
            loop.call_soon(again, n + 1)

    loop.call_soon(again, 1)
    for i in range(6):
        print("task", i)
        await asyncio.sleep(0)


asyncio.run(main())
