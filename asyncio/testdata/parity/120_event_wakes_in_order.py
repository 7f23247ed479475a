import asyncio


async def wait(name, event):
    await event.wait()
    print(name)


async def main():
    event = asyncio.Event()
    tasks = [asyncio.create_task(wait(name, event)) for name in "abc"]
    await asyncio.sleep(0)
    print(event.is_set())
    event.set()
    print("set")
    await asyncio.gather(*tasks)
    print(event.is_set())


asyncio.run(main())
