"""The world of a test: on every address of its network namespace a server that says who called, and one resolver."""

import socket
import socketserver
import struct
import sys
import threading

NAMES = {"internet.example": "198.51.100.10", "rebinding.example": "169.254.169.254", "private.example": "10.9.9.9"}
# Too long for a datagram: the caller must come again by TCP.
LONG = "long.example"
A, IN = 1, 1


class WhoCalled(socketserver.BaseRequestHandler):
    """One line: the caller's address."""

    def handle(self):
        self.request.sendall(f"{self.client_address[0]}\n".encode())


class WhoSent(socketserver.BaseRequestHandler):
    """The same for a datagram."""

    def handle(self):
        self.request[1].sendto(f"{self.client_address[0]}\n".encode(), self.client_address)


def answer(question, by_tcp):
    """A, or nothing."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += question[at] + 1
    name, (kind, _) = ".".join(labels), struct.unpack("!HH", question[at + 1 : at + 5])
    asked = question[12 : at + 5]
    addresses = [NAMES[name]] if name in NAMES else ["198.51.100.10"] * 60 if name == LONG else []
    flags = 0x8180 if addresses else 0x8183
    if kind != A:
        addresses = []
    if name == LONG and not by_tcp:
        addresses, flags = [], 0x8380
    head = question[:2] + struct.pack("!HHHHH", flags, 1, len(addresses), 0, 0)
    records = [b"\xc0\x0c" + struct.pack("!HHIH", A, IN, 60, 4) + socket.inet_aton(to) for to in addresses]
    return head + asked + b"".join(records)


class DatagramResolver(socketserver.BaseRequestHandler):
    """DNS by UDP."""

    def handle(self):
        self.request[1].sendto(answer(self.request[0], False), self.client_address)


class StreamResolver(socketserver.StreamRequestHandler):
    """DNS by TCP."""

    def handle(self):
        while len(length := self.rfile.read(2)) == 2:
            said = answer(self.rfile.read(struct.unpack("!H", length)[0]), True)
            self.wfile.write(struct.pack("!H", len(said)) + said)


def main():
    """`world.py who ADDRESS:PORT ...` or `world.py resolver ADDRESS`; says `ready` when it listens."""
    role, *addresses = sys.argv[1:]
    socketserver.TCPServer.allow_reuse_address = True
    servers = []
    for text in addresses:
        address, _, port = text.partition(":")
        where = (address, int(port or 53))
        stream, datagram = (WhoCalled, WhoSent) if role == "who" else (StreamResolver, DatagramResolver)
        servers.append(socketserver.ThreadingTCPServer(where, stream))
        servers.append(socketserver.ThreadingUDPServer(where, datagram))
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever).start()
    print("ready", flush=True)


if __name__ == "__main__":
    main()
