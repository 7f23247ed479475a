import asyncio


async def wait(name, event):
    await event.wait()
    print(name)


async def main():
    event = asyncio.Event()
    tasks = [asyncio.create_task(wait(n, event)) for n in (1, 2)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(wait(3, event)))
    event.set()
    await asyncio.gather(*tasks)


asyncio.run(main())
