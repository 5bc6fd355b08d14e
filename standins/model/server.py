"""The sandbox model's HTTP server: chat completions, streamed or whole, embeddings, and a page with its journal."""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from standins.clock import now
from standins.errors import ApiError, not_found
from standins.model.script import Answer, answer_to, count
from standins.model.seed import COMPANIES, MODELS, api_key
from standins.store import Document, SqliteStore
from standins.web import Content, StandInHandler, StandInServer

DIMENSIONS = 64
SCHEMA = """
create table if not exists request (
    number integer primary key autoincrement, company text not null, path text not null, model text not null,
    body text not null, answer text not null, time text not null
);
"""


class Journal(SqliteStore):
    """What the model was asked and what it answered."""

    schema = SCHEMA
    tables = ("request",)

    def add(self, company: str, path: str, body: Document, answer: str) -> None:
        """Keep one request; only the newest thousand stay."""
        sql = "insert into request (company, path, model, body, answer, time) values (?, ?, ?, ?, ?, ?)"
        model = str(body.get("model", ""))
        self._change(sql, company, path, model, json.dumps(body), answer, now().isoformat())
        self._change("delete from request where number <= (select max(number) from request) - 1000")

    def newest(self, limit: int = 100) -> list[Document]:
        """Return the newest requests, newest first."""
        return [dict(row) for row in self._rows("select * from request order by number desc limit ?", limit)]


class ModelServer(StandInServer):
    """The server with its journal and the companies' keys."""

    def __init__(self, address: tuple[str, int], journal: Journal, keys: Mapping[str, str]) -> None:
        self.journal, self.keys = journal, keys
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.journal.clear()


def keys_of(secret: str) -> dict[str, str]:
    """Return the company of each key."""
    return {api_key(slug, secret): slug for slug in COMPANIES}


class Handler(StandInHandler):
    """One connection."""

    server: ModelServer
    name = "sandbox-model"
    page = Path(__file__).with_name("page.html")
    server_version = "SandboxModel/1"
    max_body: ClassVar[int] = 4 * 1024 * 1024

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Answer a request of the API; errors look like the vendor's."""
        try:
            company = self.server.keys.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
            if company is None:
                raise ApiError(401, "invalid_api_key", "Incorrect API key provided.")
            return 200, self._answer_company(company, path, body)
        except ApiError as error:
            said = {"message": error.body["detail"], "code": error.body["code"], "type": "invalid_request_error"}
            return error.status, {"error": said}

    def _answer_company(self, company: str, path: str, body: Document) -> Document | Content:
        if (self.command, path) == ("GET", "/v1/models"):
            return {"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]}
        if self.command != "POST" or path not in ("/v1/chat/completions", "/v1/embeddings"):
            raise not_found()
        if body.get("model") not in MODELS:
            raise ApiError(404, "model_not_found", "The model does not exist.")
        if path == "/v1/embeddings":
            self.server.journal.add(company, path, body, "")
            return _embeddings(body)
        found = answer_to(body)
        self.server.journal.add(company, path, body, found.text or json.dumps(found.calls))
        if body.get("stream"):
            return "text/event-stream", b"".join(_frames(body, found))
        return _whole(body, found)

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Answer control requests of the page and of tests."""
        if (self.command, path) == ("GET", "/__view"):
            return 200, {"requests": self.server.journal.newest()}
        raise not_found()


def _usage(body: Document, found: Answer) -> Document:
    asked = count(json.dumps([body.get("messages", []), body.get("tools") or []]))
    said = count(found.text + json.dumps(found.calls) if found.calls else found.text)
    return {
        "prompt_tokens": asked,
        "completion_tokens": said,
        "total_tokens": asked + said,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def _calls(found: Answer) -> list[Document]:
    return [
        {
            "index": number,
            "id": f"call_{secrets.token_hex(6)}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for number, (name, arguments) in enumerate(found.calls)
    ]


def _frames(body: Document, found: Answer) -> Iterator[bytes]:
    """Yield the answer as a stream; without an end if the script cuts it."""
    pieces: list[Document] = [{"role": "assistant", "content": ""}]
    words = found.text.split(" ") if found.text else []
    pieces += [{"content": word if not number else f" {word}"} for number, word in enumerate(words)]
    pieces += [{"tool_calls": [call]} for call in _calls(found)]
    for piece in pieces:
        yield _chunk(body, [{"index": 0, "delta": piece, "finish_reason": None}])
    if found.end:
        yield _chunk(body, [{"index": 0, "delta": {}, "finish_reason": found.end}])
        yield _chunk(body, [], usage=_usage(body, found))
        yield b"data: [DONE]\n\n"


def _chunk(body: Document, choices: list[Document], **more: Any) -> bytes:
    head = {"id": "chatcmpl-sandbox", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
    return b"data: " + json.dumps({**head, "choices": choices, **more}).encode() + b"\n\n"


def _whole(body: Document, found: Answer) -> Document:
    message: Document = {"role": "assistant", "content": found.text or None}
    if found.calls:
        message["tool_calls"] = _calls(found)
    choice = {"index": 0, "message": message, "finish_reason": found.end or "stop"}
    head = {"id": "chatcmpl-sandbox", "object": "chat.completion", "created": 1, "model": body["model"]}
    return {**head, "choices": [choice], "usage": _usage(body, found)}


def _embeddings(body: Document) -> Document:
    """Return vectors that words have in common: a word always adds to the same place."""
    given = body.get("input", [])
    texts = [given] if isinstance(given, str) else [str(each) for each in given]
    rows = [{"object": "embedding", "index": place, "embedding": _vector(text)} for place, text in enumerate(texts)]
    used = sum(map(count, texts))
    return {
        "object": "list",
        "data": rows,
        "model": body["model"],
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }


def _vector(text: str) -> list[float]:
    places = [0.0] * DIMENSIONS
    for word in text.lower().split():
        places[hashlib.sha256(word.encode()).digest()[0] % DIMENSIONS] += 1.0
    length = sum(value * value for value in places) ** 0.5 or 1.0
    return [value / length for value in places]
