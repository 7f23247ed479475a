import asyncio


async def main():
    fut = asyncio.get_running_loop().create_future()
    fut.add_done_callback(lambda f: print("early"))
    fut.set_result(None)
    print("set")
    fut.add_done_callback(lambda f: print("late"))
    print("added")
    await asyncio.sleep(0)
    print("end")


asyncio.run(main())
