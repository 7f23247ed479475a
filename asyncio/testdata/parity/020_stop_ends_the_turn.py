import asyncio

loop = asyncio.new_event_loop()


def stopper():
    print("stop")
    loop.stop()
    loop.call_soon(print, "scheduled after stop")


loop.call_soon(stopper)
loop.call_soon(print, "sibling")
loop.run_forever()
print("stopped")
loop.call_soon(loop.stop)
loop.run_forever()
print("stopped again")
loop.close()
