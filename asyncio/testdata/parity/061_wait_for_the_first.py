import asyncio


async def work(n):
    await asyncio.sleep(n * 0.015)
    print("ends", n)


async def main():
    tasks = [asyncio.create_task(work(n)) for n in (3, 1, 2)]
    pending = tasks
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        print(len(done), "done", len(pending), "pending")


asyncio.run(main())
