"""What is in front of a broker of Kafka that asks for TLS and for a login: both are proven here, and the rest goes on to the broker.

It is a program of its own: `kafka_front.py LISTEN BROKER CERTIFICATE KEY [CLIENT_CA] [NAME PASSWORD]`.
"""

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
import sys
import threading

HANDSHAKE, VERSIONS, AUTHENTICATE = 17, 18, 36
UNSUPPORTED_MECHANISM, FAILED = 33, 58
ITERATIONS = 4096
HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


class Refused(Exception):
    """A login that is wrong."""


def exactly(connection, count):
    """So many bytes."""
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def frame(connection):
    """A request: its key and version, its correlation id, what is behind its header, and all of it."""
    (length,) = struct.unpack(">i", exactly(connection, 4))
    body = exactly(connection, length)
    key, version, correlation, client = struct.unpack_from(">hhih", body)
    return (key, version), correlation, body[10 + max(client, 0) :], body


def answer(connection, correlation, body):
    """The response to a request."""
    connection.sendall(struct.pack(">ii", 4 + len(body), correlation) + body)


def said(connection):
    """What a client says in an exchange of SASL."""
    (key, _), correlation, body, _ = frame(connection)
    assert key == AUTHENTICATE, key
    (length,) = struct.unpack_from(">i", body)
    return correlation, body[4 : 4 + length]


def say(connection, correlation, data, error=0):
    """The same from the server."""
    message = struct.pack(">h", -1) if not error else struct.pack(">h", 6) + b"failed"
    answer(connection, correlation, struct.pack(">h", error) + message + struct.pack(">i", len(data)) + data + struct.pack(">q", 0))


def plain(connection, name, password):
    """RFC 4616."""
    correlation, data = said(connection)
    if data.split(b"\0")[1:] != [name, password]:
        say(connection, correlation, b"", FAILED)
        raise Refused
    say(connection, correlation, b"")


def plain_of_old(connection, name, password):
    """The same without requests around it, as clients of old do it."""
    (length,) = struct.unpack(">i", exactly(connection, 4))
    if exactly(connection, length).split(b"\0")[1:] != [name, password]:
        raise Refused
    connection.sendall(struct.pack(">i", 0))


def scram(connection, mechanism, name, password):
    """RFC 5802."""
    algorithm = HASHES[mechanism]
    correlation, first = said(connection)
    bare = first.split(b",", 2)[2]
    client = dict(part.split(b"=", 1) for part in bare.split(b","))
    salt, nonce = os.urandom(16), client[b"r"] + base64.b64encode(os.urandom(12))
    server_first = b"r=%s,s=%s,i=%d" % (nonce, base64.b64encode(salt), ITERATIONS)
    say(connection, correlation, server_first)
    correlation, final = said(connection)
    without_proof, proof = final.rsplit(b",p=", 1)

    def mac(key, data):
        return hmac.new(key, data, algorithm).digest()

    salted = hashlib.pbkdf2_hmac(algorithm, password, salt, ITERATIONS)
    stored = hashlib.new(algorithm, mac(salted, b"Client Key")).digest()
    exchange = b",".join([bare, server_first, without_proof])
    signature = mac(stored, exchange)
    key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True))
    if client[b"n"] != name or hashlib.new(algorithm, key).digest() != stored or b"r=" + nonce not in without_proof:
        say(connection, correlation, b"", FAILED)
        raise Refused
    say(connection, correlation, b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), exchange)))


def asked(broker, request):
    """What the broker answers to one request, with its length."""
    with socket.create_connection(broker) as behind:
        behind.sendall(struct.pack(">i", len(request)) + request)
        head = exactly(behind, 4)
        return head + exactly(behind, *struct.unpack(">i", head))


def log_in(connection, broker, name, password):
    """Lets nobody on without the login; what requests there are anybody may ask."""
    (key, version), correlation, body, whole = frame(connection)
    while key == VERSIONS:
        connection.sendall(asked(broker, whole))
        (key, version), correlation, body, whole = frame(connection)
    if key != HANDSHAKE:
        raise Refused
    (length,) = struct.unpack_from(">h", body)
    mechanism = body[2 : 2 + length].decode()
    known = ["PLAIN", *HASHES]
    names = struct.pack(">i", len(known)) + b"".join(struct.pack(">h", len(one)) + one.encode() for one in known)
    answer(connection, correlation, struct.pack(">h", 0 if mechanism in known else UNSUPPORTED_MECHANISM) + names)
    if version == 0:
        plain_of_old(connection, name, password)
    elif mechanism == "PLAIN":
        plain(connection, name, password)
    else:
        scram(connection, mechanism, name, password)
    print(mechanism, flush=True)


def pass_on(source, target):
    """Bytes, as long as there are any."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(raw, context, broker, login):
    """One connection."""
    try:
        connection = context.wrap_socket(raw, server_side=True)
        if login:
            log_in(connection, broker, *login)
        behind = socket.create_connection(broker)
    except (Refused, EOFError, OSError, AssertionError):
        raw.close()
        return
    threading.Thread(target=pass_on, args=(behind, connection), daemon=True).start()
    pass_on(connection, behind)


def main(listen, broker, certificate, key, client_ca, *login):
    """Serves for ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    with socket.create_server(("127.0.0.1", int(listen))) as listener:
        while True:
            raw, _ = listener.accept()
            target = (("127.0.0.1", int(broker)), [part.encode() for part in login])
            threading.Thread(target=serve, args=(raw, context, *target), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
