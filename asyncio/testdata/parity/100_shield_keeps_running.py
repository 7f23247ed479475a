import asyncio


async def work():
    await asyncio.sleep(0.1)
    print("work ends")


async def caller():
    try:
        await asyncio.shield(work())
    except asyncio.CancelledError:
        print("caller interrupted")
        raise


async def main():
    task = asyncio.create_task(caller())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    print(task.cancelled())
    await asyncio.sleep(0.2)


asyncio.run(main())
