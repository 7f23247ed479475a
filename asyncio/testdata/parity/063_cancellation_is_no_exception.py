import asyncio


async def main():
    tasks = [asyncio.create_task(asyncio.sleep(0.01)), asyncio.create_task(asyncio.sleep(0.03))]
    await asyncio.sleep(0)
    tasks[0].cancel()
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    print(len(done), len(pending), [t.cancelled() for t in tasks])


asyncio.run(main())
