import asyncio


async def wait(name, fut):
    v = await fut
    print("task", name, v)


async def main():
    fut = asyncio.get_running_loop().create_future()
    tasks = []
    for name in "abc":
        tasks.append(asyncio.create_task(wait(name, fut)))
        await asyncio.sleep(0)
        fut.add_done_callback(lambda f, name=name: print("callback", name, f.result()))
    fut.set_result(7)
    print("set")
    await asyncio.gather(*tasks)


asyncio.run(main())
