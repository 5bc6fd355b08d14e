"""JSON-RPC as MCP uses it: read a request, write an answer (pure)."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from agents.llm.hosted.arguments import read_arguments

VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Versions of the protocol that are spoken, newest first; what is offered is the same in all of them."""
NOT_JSON: Final = -32700
NOT_A_REQUEST: Final = -32600
NO_METHOD: Final = -32601
BAD_PARAMS: Final = -32602
REFUSED: Final = -32001
LONGEST_ID: Final = 64


class RpcError(Exception):
    """A request that is answered with an error; `key` is the id of the request, as far as it could be read."""

    def __init__(self, code: int, message: str, *, key: str | int | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.key, self.status = code, message, key, status

    def as_dict(self) -> dict[str, Any]:
        """Return the answer."""
        return {"jsonrpc": "2.0", "id": self.key, "error": {"code": self.code, "message": self.message}}


@dataclass(frozen=True, slots=True)
class Request:
    """One request; without a key it is a notification, which is not answered."""

    method: str
    key: str | int | None = None
    params: dict[str, Any] = field(default_factory=dict)


def read_request(body: bytes) -> Request | None:
    """Return the request in a body, None for an answer that the client sends. Raises `RpcError`."""
    try:
        found = read_arguments(body.decode())
    except (ValueError, RecursionError):
        raise RpcError(NOT_JSON, "The body is not one JSON object.") from None
    key = found.get("id")
    if isinstance(key, bool) or not isinstance(key, str | int | None) or len(str(key)) > LONGEST_ID:
        raise RpcError(NOT_A_REQUEST, "The id is not a short text or a whole number.")
    if found.get("jsonrpc") != "2.0":
        raise RpcError(NOT_A_REQUEST, "This is not JSON-RPC 2.0.", key=key)
    if "method" not in found and ("result" in found or "error" in found):
        return None
    method, params = found.get("method"), found.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        raise RpcError(NOT_A_REQUEST, "A request has a method, and parameters by name.", key=key)
    return Request(method, key, params)


def answer(request: Request, result: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a request."""
    return {"jsonrpc": "2.0", "id": request.key, "result": result}


def initialized(params: dict[str, Any], *, instructions: str) -> dict[str, Any]:
    """Return the result of `initialize`: the client's version if it is spoken, else the newest."""
    asked = params.get("protocolVersion")
    return {
        "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {"name": "walker", "title": "Walker", "version": "1"},
        "instructions": instructions,
    }


def tool_result(text: str, *, is_error: bool) -> dict[str, Any]:
    """Return the result of a call."""
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


def as_json(document: dict[str, Any]) -> str:
    """Return a document as text."""
    return json.dumps(document, ensure_ascii=False)
