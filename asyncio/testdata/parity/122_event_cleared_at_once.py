import asyncio


async def wait(name, event):
    await event.wait()
    print(name, "woke", event.is_set())


async def main():
    event = asyncio.Event()
    a = asyncio.create_task(wait("a", event))
    await asyncio.sleep(0)
    event.set()
    event.clear()
    b = asyncio.create_task(wait("b", event))
    await a
    print(b.done())
    event.set()
    await b


asyncio.run(main())
