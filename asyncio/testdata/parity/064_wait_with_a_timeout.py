import asyncio


async def main():
    tasks = [asyncio.create_task(asyncio.sleep(n * 0.02, n)) for n in (1, 4)]
    done, pending = await asyncio.wait(tasks, timeout=0.05)
    print([t in done for t in tasks], [t.cancelled() for t in tasks])
    done, pending = await asyncio.wait(tasks, timeout=10)
    print(len(done), len(pending))


asyncio.run(main())
