"""A web page of another origin that tries everything a browser lets it to start a run.

It serves itself on a port of its own, as any page that is open beside the UI would.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

_PAGE = """<!doctype html><title>waiting</title>
<img src="%(address)s?query=%(quoted)s">
<iframe name="hidden"></iframe>
<iframe src="%(ui)s/runs"></iframe>
<form id="query" method="post" target="hidden" action="%(address)s?query=%(quoted)s"></form>
<script>
const body = JSON.stringify({query: %(mutation)s});
const send = (type, mode) => fetch("%(address)s", {
  method: "POST", mode: mode, body: body, headers: {"Content-Type": type}}).catch(() => null);
const socket = new Promise(done => {
  const ws = new WebSocket("%(address)s".replace("http", "ws"), "graphql-ws");
  ws.onopen = () => done("open"); ws.onerror = () => done("refused"); });
document.getElementById("query").submit();
Promise.all([socket, send("text/plain", "no-cors"), send("application/json", "cors")])
  .then(([state]) => setTimeout(() => { document.title = state; }, 1000));
</script>
"""


@contextmanager
def foreign_page(ui: str, mutation: str) -> Iterator[str]:
    """Serve the page that sends `mutation` to the UI at address `ui`; give its own address.

    Its title becomes what happened to its WebSocket once everything was sent: open or refused.
    """
    content = _PAGE % {
        "ui": ui,
        "address": f"{ui}/graphql",
        "quoted": quote(mutation),
        "mutation": json.dumps(mutation),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server calls
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, format: str, *values: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
