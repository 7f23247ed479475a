import asyncio


async def main():
    fut = asyncio.get_running_loop().create_future()
    fut.set_result("there")
    print(await asyncio.wait_for(fut, 0))
    task = asyncio.create_task(asyncio.sleep(10))
    await asyncio.sleep(0)
    try:
        await asyncio.wait_for(task, 0)
    except asyncio.TimeoutError:
        print("TimeoutError", task.cancelled())


asyncio.run(main())
