import asyncio


async def main():
    task = asyncio.create_task(asyncio.sleep(0.01))
    done, pending = await asyncio.wait([task, task, task])
    print(len(done), len(pending))
    try:
        await asyncio.wait([])
    except ValueError:
        print("ValueError")


asyncio.run(main())
