#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers for t/check, on loopback, each on a port of its own: a page, and proxies that are good, slow, wrong or dead.

Prints lines "NAME PORT" and then "ready"; ends with standard input. Proxies connect to loopback only.
User name and password of those that want them: bob and p@ss:w/d.
"""
import asyncio
import base64
import os
import resource
import socket
import sys

USER, PASSWORD = b"bob", b"p@ss:w/d"
PAGE = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
most = {"now": 0, "most": 0}  # requests for /slow at the same time


async def head_of(reader):
    return await reader.readuntil(b"\r\n\r\n")


def page(status, body):
    return PAGE % (status, len(body), body)


async def answer_page(head):
    path = head.split(b" ")[1]
    if path == b"/missing":
        return page(b"404 Not Found", b"missing")
    if path == b"/slow":
        most["now"] += 1
        most["most"] = max(most["most"], most["now"])
        await asyncio.sleep(1)
        most["now"] -= 1
    if path == b"/most":
        return page(b"200 OK", b"%d" % most["most"])
    if path == b"/big":
        return page(b"200 OK", b"a word that is found " + b"x" * 3000000)
    if path == b"/empty":
        return b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
    return page(b"200 OK", b"a word that is found")


async def target(reader, writer):
    writer.write(await answer_page(await head_of(reader)))
    await writer.drain()


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # one side has what it wanted


async def join(reader, writer, host, port, first=b""):
    assert host in (b"127.0.0.1", "127.0.0.1"), host
    other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        other_writer.write(first)
        # The page ends its connection; the client alone does not end it.
        back = asyncio.create_task(copy(reader, other_writer))
        await copy(other_reader, writer)
        back.cancel()
    finally:
        other_writer.close()


def http_proxy(wants_login=False, connect=True):
    async def serve(reader, writer):
        head = await head_of(reader)
        method, url, _ = head.split(b"\r\n")[0].split(b" ")
        login = b"Proxy-Authorization: Basic " + base64.b64encode(USER + b":" + PASSWORD)
        if wants_login and login not in head.split(b"\r\n"):
            writer.write(page(b"407 Proxy Authentication Required", b"login"))
        elif method == b"CONNECT" and not connect:
            writer.write(page(b"403 Forbidden", b"no"))
        elif method == b"CONNECT":
            host, port = url.split(b":")
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await join(reader, writer, host, int(port))
        else:
            host, path = url[len(b"http://"):].split(b"/", 1)
            host, port = host.split(b":")
            request = b"GET /" + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
            await join(reader, writer, host, int(port), request)
        await writer.drain()

    return serve


def socks5_proxy(wants_login=False):
    async def serve(reader, writer):
        count = (await reader.readexactly(2))[1]
        methods = await reader.readexactly(count)
        method = 2 if wants_login else 0
        if method not in methods:
            writer.write(b"\x05\xff")
            return await writer.drain()
        writer.write(bytes([5, method]))
        if wants_login:
            user = await reader.readexactly((await reader.readexactly(2))[1])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            good = (user, password) == (USER, PASSWORD)
            writer.write(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return await writer.drain()
        request = await reader.readexactly(10)  # version, CONNECT, 0, IPv4, address, port
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        await join(reader, writer, ".".join(str(byte) for byte in request[4:8]), int.from_bytes(request[8:10], "big"))

    return serve


async def silent(reader, writer):
    await reader.read()


async def nonsense(reader, writer):
    await head_of(reader)
    writer.write(b"\x00\xffthis is no answer\r\n\r\n")
    await writer.drain()


async def portal(reader, writer):
    await head_of(reader)
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


def served(handler):
    async def serve(reader, writer):
        try:
            await handler(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    return serve


async def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    handlers = {
        "page": target,
        "http": http_proxy(),
        "http_login": http_proxy(wants_login=True),
        "http_no_connect": http_proxy(connect=False),
        "socks5": socks5_proxy(),
        "socks5_login": socks5_proxy(wants_login=True),
        "silent": silent,
        "nonsense": nonsense,
        "portal": portal,
    }
    servers = []
    for name, handler in handlers.items():
        server = await asyncio.start_server(served(handler), "127.0.0.1", 0, backlog=4096)
        servers.append(server)
        print(name, server.sockets[0].getsockname()[1])
    # A port that nothing listens on: bound, so that no other program gets it.
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))
    print("dead", dead.getsockname()[1])
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


    os._exit(0)  # whatever connections are open


asyncio.run(main())
