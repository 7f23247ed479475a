import asyncio


async def work(name):
    try:
        await asyncio.sleep(10)
    finally:
        print(name, "ends")


async def main():
    asyncio.create_task(work("a"))
    asyncio.create_task(work("b"))
    await asyncio.sleep(0.01)
    print("main ends")
    return "result"


print(asyncio.run(main()))
