"""A pooler on a loopback port that lends its connections for a transaction, as PgBouncer's does.

It knows as much of the protocol as that takes: a client's start is answered with what the server
said to the pooler's own, and a connection is given back when the server is ready outside of a
transaction. Clients wait for one without a limit, as by PgBouncer's default they nearly do.
"""

import queue
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qsl, urlsplit

STARTS_ENCRYPTION = (80877103, 80877104)
CANCEL = 80877102

Message = tuple[bytes, bytes]
"""Kind, and all of it as it was sent."""


@contextmanager
def transaction_pooler(url: str, connections: int) -> Iterator[str]:
    """Yield the URL of a pooler in front of the socket of `url`, with so many connections."""
    parts = urlsplit(url)
    place = dict(parse_qsl(parts.query))
    start = _start(user=str(parts.username), database=parts.path.lstrip("/"))
    idle: queue.LifoQueue[socket.socket] = queue.LifoQueue()
    opened, greeting = [], b""
    for _ in range(connections):
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{place['host']}/.s.PGSQL.{place['port']}")
        server.sendall(start)
        greeting = _until_ready(server)
        opened.append(server)
        idle.put(server)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    opened.append(client)
                    threading.Thread(
                        target=_serve, args=(client, idle, greeting), daemon=True
                    ).start()

        threading.Thread(target=accept, daemon=True).start()
        port = listener.getsockname()[1]
        yield f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}?sslmode=disable"
        listener.shutdown(socket.SHUT_RDWR)
    for each in opened:
        each.close()


def _start(**parameters: str) -> bytes:
    body = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items()) + b"\0"
    return struct.pack("!ii", len(body) + 8, 196608) + body


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise OSError("closed")
        data += piece
    return data


def _message(sock: socket.socket) -> Message:
    head = _exactly(sock, 5)
    return head[:1], head + _exactly(sock, struct.unpack("!i", head[1:])[0] - 4)


def _until_ready(server: socket.socket) -> bytes:
    said, kind = b"", b""
    while kind != b"Z":
        kind, whole = _message(server)
        said += whole
    return said


def _serve(client: socket.socket, idle: "queue.LifoQueue[socket.socket]", greeting: bytes) -> None:
    with client, suppress(OSError):
        while True:
            size, code = struct.unpack("!ii", _exactly(client, 8))
            _exactly(client, size - 8)
            if code == CANCEL:
                return
            if code not in STARTS_ENCRYPTION:
                break
            client.sendall(b"N")
        client.sendall(greeting)
        while True:
            kind, whole = _message(client)
            if kind == b"X":
                return
            server = idle.get()
            server.sendall(whole)
            gone = _transaction(client, server)
            idle.put(server)
            if gone:
                return


def _transaction(client: socket.socket, server: socket.socket) -> bool:
    """Pass on what is said until the transaction ends; return whether the client went away."""
    gone = False
    while True:
        for each in select.select([server] if gone else [client, server], [], [])[0]:
            if each is server:
                kind, whole = _message(server)
                if not gone:
                    with suppress(OSError):
                        client.sendall(whole)
                if kind == b"Z" and whole[5:] == b"I":
                    return gone
                continue
            try:
                kind, whole = _message(client)
            except OSError:
                kind = b"X"
            if kind == b"X":
                gone = True
                server.sendall(b"Q" + struct.pack("!i", 13) + b"ROLLBACK\0")
            else:
                server.sendall(whole)
