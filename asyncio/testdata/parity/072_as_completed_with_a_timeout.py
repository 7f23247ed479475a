import asyncio


async def after(n):
    await asyncio.sleep(n * 0.02)
    return n


async def main():
    tasks = [asyncio.create_task(after(n)) for n in (1, 2, 20)]
    for next in asyncio.as_completed(tasks, timeout=0.1):
        try:
            print(await next)
        except asyncio.TimeoutError:
            print("TimeoutError")
            break
    print([t.done() for t in tasks])


asyncio.run(main())
