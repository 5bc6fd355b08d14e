"""The recordings of all channels, and an API for all vendors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings as every

from channels_app.kit.channel import channels, doors_of
from tests.channels_app.kit.recorder import Recorder
from tests.integrations.mail.servers import running

TESTS = Path(__file__).parents[1]
MODULES = [path.relative_to(TESTS.parents[1]).with_suffix("") for path in sorted(TESTS.rglob("recording.py"))]
RECORDED: dict[tuple[str, str], Recorder] = {
    pair: recorder for path in MODULES for pair, recorder in import_module(".".join(path.parts)).RECORDED.items()
}
"""What makes the recording of each channel, by its kind and provider: a package's stand in its module `recording`."""
OPENED_BY_VISITORS = {
    "widget_session", "widget_script", "widget_message", "widget_file", "hosted_chat", "hosted_chat_identity",
    "app_file", "widget_look", "widget_logo", "widget_form",
}  # fmt: skip
"""The doors that take no webhook: pages and files of chats, whose own tests try their sessions and origins."""
PAIR_OF_DOOR = {
    door.name: (channel.kind, channel.provider)
    for channel in channels()
    for door in doors_of(channel)
    if door.name not in OPENED_BY_VISITORS
}
"""Every door for webhooks, and a channel that has it: two of one vendor may share it."""


@dataclass
class Vendor:
    """A vendor's API of any kind: what it was asked to send, and how it answers."""

    fault: int | None = None
    """An HTTP status, or 0 to hang up without one."""

    sent: list[str] = field(default_factory=list)


@contextmanager
def vendor(settings: Any) -> Iterator[Vendor]:
    """Answer as every vendor does."""
    found = Vendor()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.sent.append(self.path)
            if found.fault == 0:
                return
            number = len(found.sent)
            body = {name: part for each in RECORDED.values() for name, part in each.sent(number).items()}
            usual = 202 if "mail" in self.path else 201 if "Messages.json" in self.path else 200
            self.answer(found.fault or usual, {} if found.fault else body)

        def do_GET(self) -> None:
            self.answer(200, {"messages": [], "page": 0, "page_size": 50, "next_page_uri": None})

        def answer(self, status: int, body: Any) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Message-Id", f"pm-{len(found.sent)}")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args: Any) -> None:
            pass

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        for name in (name for name in dir(every) if name.endswith("_API_BASE")):
            setattr(settings, name, f"http://127.0.0.1:{port}")
        yield found
