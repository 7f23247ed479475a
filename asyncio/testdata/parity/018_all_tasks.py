import asyncio


async def main():
    def names():
        return " ".join(sorted(t.get_name() for t in asyncio.all_tasks()))

    a = asyncio.create_task(asyncio.sleep(0.01), name="a")
    b = asyncio.create_task(asyncio.sleep(0.03), name="b")
    asyncio.current_task().set_name("main")
    print(names())
    await a
    print(names())
    await b
    print(names())


asyncio.run(main())
