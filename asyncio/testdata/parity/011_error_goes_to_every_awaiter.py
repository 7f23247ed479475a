import asyncio


async def fail():
    await asyncio.sleep(0.01)
    raise ValueError("boom")


async def wait(name, task):
    try:
        await task
    except ValueError as e:
        print(name, "got", e)


async def main():
    task = asyncio.create_task(fail())
    await asyncio.gather(wait("a", task), wait("b", task))
    print(task.done(), task.cancelled(), task.exception())


asyncio.run(main())
