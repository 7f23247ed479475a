import asyncio

loop = asyncio.new_event_loop()


async def work():
    print("work starts")
    await asyncio.sleep(0.02)
    print("work ends")
    return "done"


task = loop.create_task(work())
loop.call_later(0.005, loop.stop)
try:
    loop.run_until_complete(task)
except RuntimeError:
    print("stopped before done")
print(task.done())
print(loop.run_until_complete(task))
loop.close()
