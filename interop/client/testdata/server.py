"""The site of the suite on aiohttp: server.py ROOT CERT KEY.

Prints the ports of three listeners: plain, TLS, and plain with idle connections
closed after a fifth of a second. Ends with its standard input.
"""
import asyncio
import logging
import ssl
import sys

from aiohttp import web

root, cert, key = sys.argv[1:]
routes = web.RouteTableDef()


@routes.route("*", "/method")
async def method(request):
    return web.Response(text=request.method)


@routes.get("/raw/{rest:.*}")
async def raw(request):
    return web.Response(text=request.raw_path)


@routes.route("*", "/echo")
async def echo(request):
    body = await request.read()
    length = request.content_length
    return web.Response(body=body, headers={"X-Length": str(-1 if length is None else length)})


@routes.post("/form")
async def form(request):
    out = []
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            value = "%s %s %d" % (value.filename, value.content_type, len(value.file.read()))
        out.append("%s=%s\n" % (name, value))
    return web.Response(text="".join(out))


@routes.route("*", "/hop")
async def hop(request):
    raise web.HTTPFound("/hop2")


@routes.get("/hop2")
async def hop2(request):
    raise web.HTTPMovedPermanently("/method")


@routes.route("*", "/keep")
async def keep(request):
    raise web.HTTPTemporaryRedirect("/echo")


@routes.get("/cookies/set")
async def set_cookie(request):
    response = web.HTTPFound("/cookies")
    response.set_cookie("seen", "yes")
    raise response


@routes.get("/cookies")
async def cookies(request):
    return web.Response(text=request.headers.get("Cookie", ""))


@routes.get("/nothing")
async def nothing(request):
    return web.Response(status=204)


@routes.get("/gzip")
async def gzip(request):
    with open(root + "/files/text", "rb") as f:
        response = web.Response(body=f.read())
    response.enable_compression(web.ContentCoding.gzip)
    return response


@routes.get("/coded/{coding}")
async def coded(request):
    coding = request.match_info["coding"]
    with open(root + "/coded/" + coding, "rb") as f:
        return web.Response(body=f.read(), headers={"Content-Encoding": coding})


@routes.route("*", "/refuse")
async def refuse(request):
    return web.Response(status=413)


# Expect: 100-continue is for the handler to answer.
async def not_expected(request):
    return web.Response(status=413)


@routes.get("/silent")
async def silent(request):
    await asyncio.sleep(3600)


@routes.get("/stall")
async def stall(request):
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"some")
    await asyncio.sleep(3600)


@routes.get("/broken")
async def broken(request):
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"0123456789")
    request.transport.close()
    return response


async def listen(app, **options):
    tls = options.pop("tls", None)
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls, backlog=2048)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)


def complain(loop, context):
    """Clients that leave in the middle of things are what the suite is about."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


async def main():
    asyncio.get_running_loop().set_exception_handler(complain)
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/expected", refuse, expect_handler=not_expected)
    app.add_routes(routes)
    app.router.add_static("/files", root + "/files")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    tls.set_alpn_protocols(["http/1.1"])
    await listen(app)
    await listen(app, tls=tls)
    await listen(app, keepalive_timeout=0.2)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
