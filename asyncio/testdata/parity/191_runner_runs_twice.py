import asyncio


async def work():
    await asyncio.sleep(0.03)
    print("work ends")


async def first():
    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    print("first ends")
    return task


async def second(task):
    print("second starts", task.done())
    await task


with asyncio.Runner() as runner:
    task = runner.run(first())
    runner.run(second(task))
