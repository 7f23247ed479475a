import asyncio
import threading

loop = asyncio.new_event_loop()


def post():
    for i in range(3):
        loop.call_soon_threadsafe(print, "posted", i)


thread = threading.Thread(target=post)
thread.start()
thread.join()
loop.call_soon(print, "local")
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
