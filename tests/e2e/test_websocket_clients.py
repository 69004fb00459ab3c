"""Clients of WebSocket APIs: of several makes (Node.js's own, PyPI's websockets), and very many."""

import json
import resource
import socket
import subprocess

import pytest

import toolbox
from websocket_apis import Chat, everybody_hears

#: WebSocket is there without a library from Node.js 22 on.
NODE = toolbox.node_if_possible("22")
#: Idle connections, and what one may cost the server, bytes.
MANY = 15_000
CONNECTION_BYTES_MAX = 32 * 1024
#: Says one thing, prints what it hears, and leaves when it hears `bye`.
SPEAKER = """
const socket = new WebSocket(process.argv[1]);
socket.onopen = () => socket.send(JSON.stringify({action: "say", text: "I am Node.js"}));
socket.onmessage = ({data}) => { console.log(data); if (data === "bye") socket.close(1000, "left"); };
socket.onerror = ({message}) => { console.log(`error: ${message}`); process.exit(1); };
socket.onclose = ({code}) => console.log(`closed ${code}`);
"""


@pytest.mark.skipif(NODE is None, reason="skipped: Node.js 22 cannot be had")
def test_clients_of_several_makes_hear_each_other(server, deploy):
    chat = Chat(server)
    everybody_hears(chat, deploy)
    python = chat.connect()
    address = f"{server.endpoint.replace('http', 'ws')}/_lambent/execute-api/{chat.id}/{chat.stage}"
    with subprocess.Popen([NODE, "-e", SPEAKER, address], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as node:
        try:
            assert python.recv(timeout=60) == "I am Node.js"
            assert node.stdout.readline() == "I am Node.js\n"
            for text in ["hällo", "bye"]:
                python.send(json.dumps({"action": "say", "text": text}))
                assert python.recv(timeout=30) == text
                assert node.stdout.readline() == f"{text}\n"
            assert node.stdout.readline() == "closed 1000\n"
            assert node.wait(timeout=30) == 0
        finally:
            node.kill()
    chat.close()


@pytest.mark.alone
def test_fifteen_thousand_idle_connections(fresh_server):
    """In one process; one more is told so, and those that are there are answered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < MANY + 2_000:
        pytest.skip(f"skipped: only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = fresh_server("--no-sdk", "--websocket-connections", str(MANY))
    chat = Chat(server)
    chat.route("quiet", integration={"IntegrationType": "MOCK"})
    chat.deploy()
    before = server.resident_bytes()
    idle = []
    try:
        for _ in range(MANY - 1):
            idle.append(handshake(chat))
        last = chat.connect()
        each = (server.resident_bytes() - before) / MANY
        print(f"{each / 1024:.1f} KB a connection")
        assert each < CONNECTION_BYTES_MAX
        assert chat.refused() == 503
        last.send('{"action": "anything"}')
        assert json.loads(last.recv(timeout=10))["message"] == "Forbidden"
        idle[0].sendall(b"\x89\x80\0\0\0\0")
        assert idle[0].recv(2) == b"\x8a\0"
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    chat.close()


def handshake(chat):
    """A connection that said that it wants to speak WebSocket, and may."""
    connection = socket.create_connection(("127.0.0.1", int(chat.host.rsplit(":", 1)[1])), timeout=30)
    connection.sendall(
        f"GET /{chat.stage} HTTP/1.1\r\nHost: {chat.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(4096) or pytest.fail(f"no handshake: {received}")
    assert received.startswith(b"HTTP/1.1 101 "), received
    return connection
