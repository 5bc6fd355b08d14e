"""The client of one Langflow server: one attempt for each call, a limit of time and size for each answer."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply
from integrations.langflow.answers import Frames, code_of, read_answer, read_definition, words_of
from integrations.langflow.types import (
    ADDRESS_REFUSED,
    CUT,
    TOO_LARGE,
    TOO_SLOW,
    UNREACHABLE,
    UNREADABLE,
    FlowAnswer,
    FlowDefinition,
    FlowFailed,
)

RUN_SECONDS: Final = 38.0
"""For a whole answer; a flow's first run takes about half a minute. Less than the lease of a run."""
READ_SECONDS: Final = 5.0
LARGEST_ANSWER: Final = 2_000_000
LARGEST_FLOW: Final = 20_000_000
GLOBAL: Final = "X-LANGFLOW-GLOBAL-VAR-"
"""The header that sets one of a flow's global variables for one run."""
Hear = Callable[[str], None]
_NO_ANSWER: Final = {"timed_out": TOO_SLOW, "answer_too_large": TOO_LARGE, "answer_packed": UNREADABLE}


class LangflowClient:
    """Calls Langflow with one key. Every method raises `FlowFailed` unless it got a whole answer."""

    def __init__(self, base_url: str, key: str, *, private_hosts: Iterable[str] = ()) -> None:
        self._address = (base_url, {"x-api-key": key} if key else {}, tuple(private_hosts))

    def run(
        self,
        flow: str,
        text: str,
        *,
        session: str,
        variables: Mapping[str, str] | None = None,
        hear: Hear | None = None,
        seconds: float = RUN_SECONDS,
    ) -> FlowAnswer:
        """Run a flow with one message of a session and return its answer.

        With `hear` it is streamed: the pieces are passed on as they come, and only a stream that ended by Langflow's
        own word is an answer. What `hear` raises ends the call.
        """
        body = {"input_value": text, "input_type": "chat", "output_type": "chat", "session_id": session}
        headers = {f"{GLOBAL}{name}": value for name, value in (variables or {}).items()}
        patience = Patience(read=seconds, total=seconds, max_bytes=LARGEST_ANSWER)
        path = f"/api/v1/run/{quote(flow, safe='')}?stream={'true' if hear else 'false'}"
        if hear is None:
            reply = self._call("POST", path, patience, json=body, headers=headers)
            return read_answer(_json(reply), text=text, session=session)
        stream = _Stream(hear)
        self._call("POST", path, patience, json=body, headers=headers, hear=stream.take)
        return read_answer(stream.finish(), text=text, session=session)

    def read_flow(self, flow: str) -> FlowDefinition:
        """Return a flow's name and the digest of its definition."""
        patience = Patience(read=READ_SECONDS, total=READ_SECONDS, max_bytes=LARGEST_FLOW)
        return read_definition(_json(self._call("GET", f"/api/v1/flows/{quote(flow, safe='')}", patience)))

    def check_key(self) -> None:
        """Check that Langflow answers and takes the key: nobody's messages are asked for."""
        patience = Patience(read=READ_SECONDS, total=READ_SECONDS, max_bytes=LARGEST_ANSWER)
        found = _json(self._call("GET", "/api/v1/monitor/messages?session_id=walker-checks-the-key", patience))
        if not isinstance(found, list):
            raise FlowFailed(UNREADABLE)

    def erase(self, session: str) -> None:
        """Erase the messages of a session: only what Langflow confirms is erased."""
        patience = Patience(read=READ_SECONDS, total=READ_SECONDS, max_bytes=LARGEST_ANSWER)
        path = f"/api/v1/monitor/messages/session/{quote(session, safe='')}"
        self._call("DELETE", path, patience, accepted=(200, 204))

    def _call(
        self, method: str, path: str, patience: Patience, *, accepted: tuple[int, ...] = (200,), **content: Any
    ) -> Reply:
        base_url, headers, private_hosts = self._address
        link = OutgoingHttp(
            base_url, headers=headers, patience=patience, private_hosts=private_hosts, provider="langflow"
        )
        try:
            outcome = link.request(method, path, **content)
        finally:
            link.close()
        if isinstance(outcome, NotSent):
            raise FlowFailed(ADDRESS_REFUSED if outcome.code == "egress_refused" else UNREACHABLE)
        if isinstance(outcome, NoAnswer):
            raise FlowFailed(_NO_ANSWER.get(outcome.code, CUT))
        if outcome.status not in accepted:
            raise FlowFailed(code_of(outcome.status, outcome.json()))
        return outcome


class _Stream:
    """Passes on the words of a streamed answer and keeps what Langflow says at its end."""

    def __init__(self, hear: Hear) -> None:
        self._hear, self._frames = hear, Frames()
        self._end: Any = None

    def take(self, piece: bytes) -> None:
        for frame in self._frames.take(piece):
            self._read(frame)

    def finish(self) -> Any:
        """Return the answer that came with the end. Raises `FlowFailed` if there was none."""
        for frame in self._frames.finish():
            self._read(frame)
        if self._end is None:
            raise FlowFailed(CUT)
        return self._end

    def _read(self, frame: Mapping[str, Any]) -> None:
        if words := words_of(frame):
            self._hear(words)
        if frame["event"] == "end":
            data = frame.get("data")
            self._end = data.get("result") if isinstance(data, dict) else None


def _json(reply: Reply) -> Any:
    found = reply.json()
    if found is None:
        raise FlowFailed(UNREADABLE)
    return found
