import asyncio

loop = asyncio.new_event_loop()


async def hello():
    print("Hello")
    await asyncio.sleep(0.01)
    print("World")


task = loop.create_task(hello())
task.add_done_callback(lambda t: print("Done"))
loop.run_until_complete(task)
print("returned")
loop.close()
