"""A mail server and a web server on the loopback that keep what they are sent, or refuse it.

Enough of SMTP (RFC 5321) and of its AUTH (RFC 4954) for a client that sends one message at a time.
"""

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar


class MailServer(socketserver.ThreadingTCPServer):
    """Keeps messages in `messages`; with a `refusal`, answers MAIL with that line instead."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.messages: list[EmailMessage] = []
        self.refusal = ""
        self.knows_passwords = True

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, login: str = "") -> str:
        """Return the address as apprise writes it."""
        return (
            f"mailto://{login}localhost:{self.port}?from=platform@example.org&to=desk@example.org"
        )


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 sink")
        for line in iter(self.rfile.readline, b""):
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"EHLO":
                self._say("250-sink\r\n250 AUTH PLAIN")
            elif verb == b"AUTH":
                known = self.server.knows_passwords
                self._say("235 welcome" if known else "535 wrong user or password")
            elif verb == b"MAIL" and self.server.refusal:
                self._say(self.server.refusal)
            elif verb == b"DATA":
                self._say("354 go on")
                self.server.messages.append(self._message())
                self._say("250 kept")
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _message(self) -> EmailMessage:
        lines = iter(self.rfile.readline, b".\r\n")
        text = b"".join(line.removeprefix(b".") for line in lines)
        parsed = email.message_from_bytes(text, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class WebServer(ThreadingHTTPServer):
    """Keeps the JSON of POST requests in `documents`; answers each with `status`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Web)
        self.documents: list[dict[str, Any]] = []
        self.status = 200

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str = "hook", login: str = "") -> str:
        """Return the address as apprise writes it."""
        return f"json://{login}127.0.0.1:{self.port}/{path}"


class _Web(BaseHTTPRequestHandler):
    server: WebServer

    def do_POST(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.status == 200:
            self.server.documents.append(document)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


Server = TypeVar("Server", bound=socketserver.BaseServer)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve in a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
