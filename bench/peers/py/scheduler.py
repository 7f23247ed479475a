"""The scheduler's work of package bench, on CPython's asyncio or on uvloop.

usage: scheduler.py (asyncio|uvloop) OP N SECONDS

Runs OP on N tasks, as often as fits into SECONDS but at least once, and prints
one JSON object: iterations, wall and CPU seconds, peak resident bytes.
"""

import asyncio
import json
import resource
import sys
import time

YIELD_TIMES = 300
SLEEP_TIME = 0.5
LOCK_TIMES = 1000
QUEUE_SIZE = 10
FOREVER = 3600


async def answer():
    return 42


async def spawn(n):
    await asyncio.create_task(answer())


async def gather(n):
    await asyncio.gather(*[asyncio.create_task(answer()) for _ in range(n)])


async def yielder():
    for _ in range(YIELD_TIMES):
        await asyncio.sleep(0)


async def yield_(n):
    await asyncio.gather(*[asyncio.create_task(yielder()) for _ in range(n)])


async def sleepers(n):
    await asyncio.gather(*[asyncio.create_task(asyncio.sleep(SLEEP_TIME)) for _ in range(n)])


async def future(n):
    loop = asyncio.get_running_loop()
    f = loop.create_future()
    loop.call_soon(f.set_result, 42)
    await f


async def queue(n):
    q = asyncio.Queue(QUEUE_SIZE)

    async def produce():
        for i in range(n):
            await q.put(i)

    producer = asyncio.create_task(produce())
    for _ in range(n):
        await q.get()
    await producer


async def contended(n):
    lock = asyncio.Lock()

    async def worker():
        for _ in range(LOCK_TIMES):
            async with lock:
                await asyncio.sleep(0)

    await asyncio.gather(*[asyncio.create_task(worker()) for _ in range(n)])


async def lock(n):
    mutex = asyncio.Lock()
    for _ in range(n):
        async with mutex:
            pass


async def cancel(n):
    tasks = [asyncio.create_task(asyncio.sleep(FOREVER)) for _ in range(n)]
    await asyncio.sleep(0)
    for t in tasks:
        t.cancel()
    for t in tasks:
        try:
            await t
        except asyncio.CancelledError:
            pass


OPS = {
    "spawn": spawn,
    "gather": gather,
    "yield": yield_,
    "sleepers": sleepers,
    "future": future,
    "queue": queue,
    "contended": contended,
    "lock": lock,
    "cancel": cancel,
}


async def measure(op, n, seconds):
    """Doubles the iterations until they take long enough; the last round counts."""
    iterations = 1
    while True:
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(iterations):
            await op(n)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        if wall >= seconds / 2:
            return iterations, wall, cpu
        iterations *= 2


def main():
    kind, op, n, seconds = sys.argv[1], OPS[sys.argv[2]], int(sys.argv[3]), float(sys.argv[4])
    if kind == "uvloop":
        import uvloop

        uvloop.install()
    iterations, wall, cpu = asyncio.run(measure(op, n, seconds))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"iterations": iterations, "wall": wall, "cpu": cpu, "peak": peak}))


main()
