import asyncio


async def main():
    fut = asyncio.get_running_loop().create_future()

    def a(f):
        print("a")

    def b(f):
        print("b")

    fut.add_done_callback(a)
    fut.add_done_callback(b)
    print(fut.remove_done_callback(a) > 0, fut.remove_done_callback(a) > 0)
    fut.set_result(None)
    await asyncio.sleep(0)


asyncio.run(main())
