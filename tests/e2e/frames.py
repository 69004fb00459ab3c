"""Frames of HTTP/2 (RFC 9113) put together by hand, for what no library would send."""

import socket
import struct
from urllib.parse import urlsplit

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags=0, stream=0, payload=b""):
    """One frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def length(number, prefix_bits, first=0):
    """An integer of HPACK (RFC 7541, 5.1)."""
    most = (1 << prefix_bits) - 1
    if number < most:
        return bytes([first | number])
    number -= most
    rest = bytearray([first | most])
    while number >= 128:
        rest.append(number % 128 + 128)
        number //= 128
    return bytes([*rest, number])


def field(name, value, indexed=False):
    """A header as a literal, to be remembered by the other side if `indexed`."""
    name, value = name.encode(), value.encode()
    return bytes([0x40 if indexed else 0]) + length(len(name), 7) + name + length(len(value), 7) + value


def request(path="/_lambent/health", host="here", more=b""):
    """The headers of a GET."""
    pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", host), (":path", path)]
    return b"".join(field(name, value) for name, value in pseudo) + more


class Connection:
    """A connection that has said its preface."""

    def __init__(self, endpoint):
        self.socket = socket.create_connection(("127.0.0.1", urlsplit(endpoint).port), timeout=30)
        self.socket.sendall(PREFACE + frame(SETTINGS))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Sends as far as the other side takes it; false once it has hung up."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, TimeoutError):
            return False
        return True

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionResetError("the server hung up")
            data += piece
        return data

    def receive(self):
        """Kind, flags, stream and payload of the next frame; None once the other side has hung up."""
        try:
            head = self._exactly(9)
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            return kind, flags, stream, self._exactly(int.from_bytes(head[:3], "big"))
        except (ConnectionError, TimeoutError):
            return None

    def until(self, *kinds):
        """The next frame of these kinds; None if the other side hangs up before."""
        while (received := self.receive()) is not None:
            if received[0] in kinds:
                return received
        return None
