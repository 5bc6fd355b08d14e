"""A server that speaks the providers' chat APIs and streams what a test tells it to: the model as an attacker."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Piece = bytes | float | Callable[[], object]
"""Bytes to send, seconds to wait, or something to do before going on."""
Play = Callable[[int], Iterable[Piece]]
"""What to answer to the n-th request, counted from one."""


class Wire:
    """How one provider writes a streamed answer."""

    model: str

    def start(self) -> bytes:
        raise NotImplementedError

    def text(self, words: str) -> bytes:
        raise NotImplementedError

    def call(self, name: str, arguments: str, number: int = 0) -> bytes:
        raise NotImplementedError

    def end(self, reason: str, **usage: Any) -> bytes:
        raise NotImplementedError


class OpenAI(Wire):
    """The frames of OpenAI's chat API."""

    model = "openai"

    def start(self) -> bytes:
        return self._chunk([{"index": 0, "delta": {"role": "assistant"}}])

    def text(self, words: str) -> bytes:
        return self._chunk([{"index": 0, "delta": {"content": words}}])

    def call(self, name: str, arguments: str, number: int = 0) -> bytes:
        function = {"name": name, "arguments": arguments}
        wish = {"index": number, "id": f"call-{number}", "type": "function", "function": function}
        return self._chunk([{"index": 0, "delta": {"tool_calls": [wish]}}])

    def end(self, reason: str, **usage: Any) -> bytes:
        last = self._chunk([{"index": 0, "delta": {}, "finish_reason": reason}])
        if usage:
            counts = {"prompt_tokens": usage.get("inputs"), "completion_tokens": usage.get("outputs")}
            last += self._chunk([], usage={key: value for key, value in counts.items() if value is not None})
        return last + b"data: [DONE]\n\n"

    def _chunk(self, choices: list[Any], **more: Any) -> bytes:
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}
        return b"data: " + json.dumps(chunk).encode() + b"\n\n"


class Anthropic(Wire):
    """The frames of Anthropic's messages API."""

    model = "anthropic"
    reasons = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}

    def start(self) -> bytes:
        message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
        return self._event("message_start", message={**message, "usage": {"input_tokens": 1, "output_tokens": 1}})

    def text(self, words: str) -> bytes:
        return self._block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": words})

    def call(self, name: str, arguments: str, number: int = 0) -> bytes:
        block = {"type": "tool_use", "id": f"call-{number}", "name": name, "input": {}}
        return self._block(number, block, {"type": "input_json_delta", "partial_json": arguments})

    def end(self, reason: str, **usage: Any) -> bytes:
        counts = {"input_tokens": usage.get("inputs"), "output_tokens": usage.get("outputs", 1)}
        known = {key: value for key, value in counts.items() if value is not None}
        delta = {"stop_reason": self.reasons[reason], "stop_sequence": None}
        return self._event("message_delta", delta=delta, usage=known) + self._event("message_stop")

    def _block(self, index: int, block: dict[str, Any], delta: dict[str, Any]) -> bytes:
        return (
            self._event("content_block_start", index=index, content_block=block)
            + self._event("content_block_delta", index=index, delta=delta)
            + self._event("content_block_stop", index=index)
        )

    def _event(self, type: str, **facts: Any) -> bytes:
        return f"event: {type}\ndata: {json.dumps({'type': type, **facts})}\n\n".encode()


WIRES: tuple[Wire, ...] = (OpenAI(), Anthropic())


class HostileModel:
    """The server; it remembers what it was asked, and when the other side hung up."""

    def __init__(self) -> None:
        self.play: Play = lambda _number: ()
        self.requests: list[dict[str, Any]] = []
        self.sent = 0
        self.hung_up = threading.Event()
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.url = ""

    def say(self, *pieces: Piece) -> None:
        """Answer every request with these pieces."""
        self.play = lambda _number: pieces


@contextmanager
def serve() -> Iterator[HostileModel]:
    """Serve on a free port until the block ends."""
    model = HostileModel()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with model.lock:
                model.requests.append(body)
                number = len(model.requests)
            pieces = iter(model.play(number))
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n")
                for piece in pieces:
                    if model.closing.is_set():
                        return
                    if isinstance(piece, bytes):
                        self.wfile.write(piece)
                        model.sent += len(piece)
                    elif isinstance(piece, int | float):
                        model.closing.wait(piece)
                    else:
                        piece()
            except OSError:
                model.hung_up.set()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    model.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield model
    finally:
        model.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


BEGIN = b"\r\n"
"""The end of the headers: a test that sends none keeps the other side waiting for them."""
