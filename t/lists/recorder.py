# SPDX-License-Identifier: MIT
"""A proxy on loopback, HTTP and SOCKS5 on one port, that answers each request itself, and notes the credentials that came.

usage: recorder.py PORT-FILE NOTES: the port is written to the one, a line of JSON for each connection to the other.
"""
import base64
import json
import os
import socket
import sys


def read(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def read_head(connection, data=b""):
    while b"\r\n\r\n" not in data:
        piece = connection.recv(4096)
        if not piece:
            raise EOFError
        data += piece
    return data


def answer(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")


def http(connection, first):
    head = read_head(connection, first)
    if head.startswith(b"CONNECT"):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        read_head(connection)
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b": ")
        if name.lower() == b"proxy-authorization":
            user, _, password = base64.b64decode(value.split(b" ")[1]).partition(b":")
            return user, password
    return b"", b""


def socks5(connection):
    methods = read(connection, read(connection, 1)[0])
    user = password = b""
    if 2 in methods:  # RFC 1929
        connection.sendall(b"\x05\x02")
        read(connection, 1)
        user = read(connection, read(connection, 1)[0])
        password = read(connection, read(connection, 1)[0])
        connection.sendall(b"\x01\x00")
    else:
        connection.sendall(b"\x05\x00")
    kind = read(connection, 4)[3]
    read(connection, {1: 4, 3: 0, 4: 16}[kind] or read(connection, 1)[0])
    read(connection, 2)
    connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    read_head(connection)
    return user, password


def main():
    server = socket.create_server(("127.0.0.1", 0))
    with open(sys.argv[1] + ".new", "w") as file:
        file.write(str(server.getsockname()[1]))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    while True:
        connection, _ = server.accept()
        connection.settimeout(20)
        try:
            first = read(connection, 1)
            user, password = socks5(connection) if first == b"\x05" else http(connection, first)
            with open(sys.argv[2], "a") as notes:
                notes.write(json.dumps({"user": user.hex(), "password": password.hex()}) + "\n")
            answer(connection)
        except (EOFError, OSError):
            pass
        connection.close()


main()
