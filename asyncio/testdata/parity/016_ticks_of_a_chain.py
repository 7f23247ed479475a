import asyncio

tick = 0


async def inner():
    await asyncio.sleep(0)
    print("inner at", tick)


async def middle():
    await asyncio.create_task(inner())
    print("middle at", tick)


async def outer():
    await asyncio.create_task(middle())
    print("outer at", tick)


async def main():
    global tick
    task = asyncio.create_task(outer())
    while not task.done():
        tick += 1
        await asyncio.sleep(0)
    print("seen at", tick)


asyncio.run(main())
