import asyncio


async def work(name):
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        print(name, "interrupted")
        raise


async def fail():
    await asyncio.sleep(0.01)
    raise ValueError("boom")


async def main():
    async with asyncio.TaskGroup() as outer:
        other = outer.create_task(asyncio.sleep(0.03, "untouched"))
        try:
            async with asyncio.TaskGroup() as inner:
                inner.create_task(work("inner"))
                inner.create_task(fail())
        except ExceptionGroup as e:
            print("inner failed with", len(e.exceptions))
    print(other.result())


asyncio.run(main())
