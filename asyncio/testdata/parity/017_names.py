import asyncio


async def work():
    print(asyncio.current_task().get_name())


async def main():
    print(asyncio.current_task().get_name())
    a = asyncio.create_task(work())
    b = asyncio.create_task(work(), name="named")
    c = asyncio.create_task(work())
    c.set_name("renamed")
    print(a.get_name(), b.get_name(), c.get_name())
    await asyncio.gather(a, b, c)


asyncio.run(main())
