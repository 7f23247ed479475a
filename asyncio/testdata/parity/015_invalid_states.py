import asyncio


def attempt(what, f):
    try:
        print(what, f())
    except asyncio.InvalidStateError:
        print(what, "InvalidStateError")
    except asyncio.CancelledError:
        print(what, "CancelledError")


async def main():
    loop = asyncio.get_running_loop()
    fut = loop.create_future()
    attempt("pending result", fut.result)
    attempt("pending exception", fut.exception)
    fut.set_result(1)
    attempt("second result", lambda: fut.set_result(2))
    attempt("second exception", lambda: fut.set_exception(ValueError()))
    attempt("cancel", fut.cancel)
    attempt("result", fut.result)
    other = loop.create_future()
    attempt("cancel pending", other.cancel)
    attempt("cancelled result", other.result)
    attempt("cancelled exception", other.exception)
    attempt("cancelled set", lambda: other.set_result(1))


asyncio.run(main())
