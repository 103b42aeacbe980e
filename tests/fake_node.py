"""A node over a Unix socket that answers from fixed data and records what it is asked."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cockpit
import msgspec

from ringrift.wire.actions import ActionReply, ActionRequest
from ringrift.wire.views import ErrorView, EventsView


class FakeNode(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves the cockpit's fixture; `raw` overrides a path's answer with (status, body)."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Handler)
        self.raw: dict[str, tuple[int, bytes]] = {}
        self.asked: list[ActionRequest] = []
        self.status = cockpit.STATUS

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        url = urlsplit(target)
        query = parse_qs(url.query)
        match method, url.path:
            case "GET", "/status":
                return 200, self.status
            case "GET", "/models":
                return 200, cockpit.MODELS
            case "GET", "/events/recent":
                limit = int(query.get("limit", ["100"])[0])
                if "after" in query:  # as a node does: the first after it, without it the newest
                    after = int(query["after"][0])
                    found = tuple(e for e in cockpit.EVENTS if e.seq > after)[:limit]
                else:
                    found = cockpit.EVENTS[-limit:]
                return 200, EventsView(events=found)
            case "POST", "/actions":
                request = msgspec.json.decode(body, type=ActionRequest)
                self.asked.append(request)
                return 200, ActionReply(index=1874, text="done as asked")
            case _:
                return 404, ErrorView(error=f"{method} {url.path} is no route.")


class _Handler(BaseHTTPRequestHandler):
    server: FakeNode

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/events":
            self._stream()
        else:
            self._reply(b"")

    def do_POST(self) -> None:
        self._reply(self.rfile.read(int(self.headers["content-length"])))

    def _reply(self, body: bytes) -> None:
        if self.path in self.server.raw:
            status, answer = self.server.raw[self.path]
        else:
            status, view = self.server.answer(self.command, self.path, body)
            answer = msgspec.json.encode(view)
        self.send_response(status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b": hello\n\n")
        for event in cockpit.EVENTS[-3:]:
            self.wfile.write(b"data: " + msgspec.json.encode(event) + b"\n\n")


@contextmanager
def fake_node(path: Path) -> Iterator[FakeNode]:
    """A fake node listening on `path` while the block runs."""
    with FakeNode(path) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
