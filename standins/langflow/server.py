"""The sandbox Langflow's HTTP server: runs whole or streamed, definitions, and messages by session."""

import json
import secrets
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote

from standins.clock import now
from standins.errors import not_found
from standins.langflow.flows import IDS, NAMES, Document, definition, texts_of
from standins.store import SqliteStore
from standins.web import Content, StandInHandler, StandInServer

NO_KEY = "Since v1.5, LANGFLOW_AUTO_LOGIN requires a valid API key."
PAUSES = (
    "This flow uses Human-in-the-Loop (a Human Input node or a tool that requires approval), which the v1 run API "
    "cannot execute because it cannot pause and resume."
)
FAILURE = '{"message":"Error running graph: Error building Component Walker Triage: \\n\\nit blew up on purpose"}'
KINDS = frozenset({"chat", "text", "any", "debug"})
SCHEMA = """
create table if not exists message (
    number integer primary key autoincrement, flow text not null, session text not null, sender text not null,
    text text not null, time text not null
);
create table if not exists change (flow text primary key, text text not null);
"""


class Sessions(SqliteStore):
    """The messages of each session, and what was changed in flows."""

    schema = SCHEMA
    tables = ("message", "change")

    def add(self, flow: str, session: str, sender: str, text: str) -> None:
        """Keep a message, as Langflow does of every run."""
        sql = "insert into message (flow, session, sender, text, time) values (?, ?, ?, ?, ?)"
        self._change(sql, flow, session, sender, text, now().isoformat())

    def list_messages(self, session: str) -> list[Document]:
        """Return the messages of a session in order."""
        return [dict(row) for row in self._rows("select * from message where session = ? order by number", session)]

    def list_all(self) -> list[Document]:
        """Return all messages in order."""
        return [dict(row) for row in self._rows("select * from message order by number")]

    def erase(self, session: str) -> None:
        """Delete the messages of a session."""
        self._change("delete from message where session = ?", session)

    def change_flow(self, flow: str, text: str) -> None:
        """Change what a flow does, as somebody in Langflow's editor would."""
        self._change("insert or replace into change (flow, text) values (?, ?)", flow, text)

    def text_of(self, flow: str) -> str:
        """Return the text within a flow's definition."""
        return next((str(row["text"]) for row in self._rows("select text from change where flow = ?", flow)), "Hello")


class LangflowServer(StandInServer):
    """The server with its messages and its key."""

    def __init__(self, address: tuple[str, int], store: Sessions, key: str) -> None:
        self.store, self.key = store, key
        super().__init__(address, Handler)

    def reset(self) -> None:
        """Return to the initial state."""
        super().reset()
        self.store.clear()


class Handler(StandInHandler):
    """One connection."""

    server: LangflowServer
    name = "sandbox-langflow"
    page = Path(__file__).with_name("page.html")
    server_version = "SandboxLangflow/1"
    max_body: ClassVar[int] = 1024 * 1024

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        """Answer a request of the API."""
        if path == "/health":
            return 200, {"status": "ok"}
        if self.headers.get("x-api-key") != self.server.key:
            return 403, {"detail": NO_KEY}
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        match self.command, unquote(path).removeprefix("/api/v1/").split("/"):
            case "POST", ["run", flow]:
                return self._run(IDS.get(flow, flow), body, is_stream=asked.get("stream") == "true")
            case "GET", ["flows", flow] if flow in NAMES:
                return 200, definition(flow, self.server.store.text_of(flow))
            case "GET", ["monitor", "messages"]:
                found = self.server.store.list_messages(asked.get("session_id", ""))
                return 200, ("application/json", json.dumps(found).encode())
            case "DELETE", ["monitor", "messages", "session", session]:
                self.server.store.erase(session)
                return 204, ("application/json", b"")
        return 404, {"detail": "Flow identifier not found"}

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        """Answer control requests of tests."""
        match self.command, path:
            case "GET", "/__view":
                return 200, {"messages": self.server.store.list_all()}
            case "POST", "/__change":
                self.server.store.change_flow(str(body["flow"]), str(body["text"]))
                return 200, {}
        raise not_found()

    def _run(self, flow: str, body: Document, *, is_stream: bool) -> tuple[int, Document | Content]:
        name = NAMES.get(flow)
        if name is None:
            return 404, {"detail": f"Flow identifier {flow} not found"}
        if name == "pauses":
            return 400, {"detail": PAUSES}
        # What Langflow can't read it leaves out without a word.
        is_read = {body.get("input_type", "chat"), body.get("output_type", "chat")} <= KINDS and name != "drops"
        text = str(body.get("input_value", "")) if is_read else ""
        session = str(body.get("session_id", "")) if is_read else flow
        if name == "drops":
            session = str(body.get("session_id", ""))
        self.server.store.add(flow, session, "User", text)
        if name == "fails":
            stream = [_frame("add_message", _message(text, session, "User")), _failed(session)]
            frames = "".join([*stream, _frame("error", {"error": f"500: {FAILURE}"})])
            return (200, _as_stream(frames)) if is_stream else (500, {"detail": FAILURE})
        said = texts_of(name, text, self._variables())
        for each in said:
            self.server.store.add(flow, session, "Machine", each)
        result = _result(said, session if name != "mixed" else flow, {"input_value": text} if is_read else {})
        return 200, _as_stream(_stream(name, text, session, said, result)) if is_stream else result

    def _variables(self) -> dict[str, str]:
        mark = "x-langflow-global-var-"
        return {
            name[len(mark) :].upper().replace("-", "_"): value
            for name, value in self.headers.items()
            if name.lower().startswith(mark)
        }


def _as_stream(frames: str) -> Content:
    return "text/event-stream; charset=utf-8", frames.encode()


def _frame(event: str, data: Any) -> str:
    return json.dumps({"event": event, "data": data}) + "\n\n"


def _failed(session: str) -> str:
    return _frame("error", {**_message("it blew up on purpose", session, "Walker Triage"), "error": True})


def _stream(name: str, text: str, session: str, said: list[str], result: Document) -> str:
    """Return the frames of a run; `cut` has no end."""
    frames = [_frame("add_message", _message(text, session, "User"))]
    for each in said:
        frames.append(_frame("add_message", _message("", session, "Machine")))
        key = secrets.token_hex(8)
        frames += [_frame("token", {"chunk": piece, "id": key}) for piece in _pieces(each)]
        frames.append(_frame("add_message", _message(each, session, "Machine")))
    whole = "".join(frames)
    return whole[: len(whole) * 3 // 4] if name == "cut" else whole + _frame("end", {"result": result})


def _pieces(text: str) -> list[str]:
    return [text[place : place + 20] for place in range(0, min(len(text), 2000), 20)]


def _message(text: str, session: str, sender: str) -> Document:
    return {
        "text_key": "text",
        "data": {"text": text, "sender": sender, "session_id": session, "error": False},
        "default_value": "",
        "sender": sender,
        "sender_name": "AI" if sender == "Machine" else sender,
        "files": [],
        "session_id": session,
        "timestamp": now().isoformat(),
        "error": False,
        "edit": False,
        "properties": {"usage": {"input_tokens": 5, "output_tokens": 13, "total_tokens": 18}, "state": "complete"},
        "category": "message",
        "content_blocks": [],
        "text": text,
        "id": secrets.token_hex(8),
    }


def _result(said: list[str], session: str, taken: Document) -> Document:
    inner: list[Document] = [
        {
            "results": {"message": _message(each, session, "Machine")},
            "artifacts": {"message": each},
            "outputs": {"message": {"message": each, "type": "text"}},
            "logs": {"message": []},
            "messages": [{"message": each, "sender": "Machine", "session_id": session, "type": "text"}],
            "component_id": f"ChatOutput-{number}",
            "component_display_name": "Chat Output",
            "token_usage": None,
        }
        for number, each in enumerate(said)
    ]
    return {"session_id": session, "outputs": [{"inputs": taken, "outputs": inner}]}
