# SPDX-License-Identifier: MIT
"""gateway.py PORT-FILE: an HTTP proxy on loopback with three users, for readme.t. It answers each request itself, with the address
that the user's requests come from; 407 without the right password. The port is in PORT-FILE when the proxy is ready."""
import base64
import http.server
import os
import sys

USERS = {"ann:s3cret-1": "192.0.2.21", "bob:s3cret-2": "192.0.2.22", "cyd:s3cret-3": "192.0.2.23"}
ADDRESSES = {"Basic " + base64.b64encode(user.encode()).decode(): address for user, address in USERS.items()}


class Gateway(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        address = ADDRESSES.get(self.headers.get("Proxy-Authorization", ""))
        body = (address or "who are you?").encode() + b"\n"
        self.send_response(200 if address else 407)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
with open(sys.argv[1] + ".new", "w", encoding="ascii") as file:
    file.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
