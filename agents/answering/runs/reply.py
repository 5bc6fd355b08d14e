"""How a run speaks: live frames while it works, then one stored answer."""

from typing import Final
from uuid import UUID, uuid5

from django.conf import settings

from agents.models import AgentRun, AgentVersion, ToolCall
from core.actors import Actor, system
from core.events import streams

CHUNK = 48
GAP: Final = "\n\n"


class Speaker:
    """Sends typing and pieces of text to the conversation's live stream, where somebody listens. Nothing is stored."""

    def __init__(self, conversation_id: UUID, run_id: UUID) -> None:
        self._stream = f"conversation:{conversation_id}"
        self._run = str(run_id)
        self._buffer = ""

    def typing(self, value: bool) -> None:
        streams.fleeting(self._stream, "agent_typing", {"value": value, "run": self._run})

    def emit(self, piece: str) -> None:
        """Collect pieces and send them in chunks: a frame per word would be wasteful."""
        self._buffer += piece
        if len(self._buffer) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        if self._buffer:
            payload = {"content": self._buffer, "run": self._run}
            streams.fleeting(self._stream, "agent_delta", payload)
            self._buffer = ""

    def restart(self) -> None:
        """Discard the pieces sent so far on the listeners' side, because the round is repeated."""
        self._buffer = ""
        streams.fleeting(self._stream, "agent_delta", {"content": "", "run": self._run, "reset": True})


def answer_id(run: AgentRun) -> UUID:
    """Return the client id of a run's answer for its generation.

    A repeated answer has the same id, so it is not stored twice.
    """
    return uuid5(run.id, str(run.generation))


def agent_actor(version: AgentVersion | None) -> Actor:
    """Return the agent as the actor of its messages."""
    if version is None:
        return system("agents")
    return Actor(
        kind="agent",
        id=version.agent_id,
        role="agent",
        name=version.agent.type,
        permissions=frozenset({"conversations.reply_conversation"}),
    )


def with_request_sentences(text: str, made: list[ToolCall]) -> str:
    """Return the answer with our own sentence for each request made or withdrawn, cut to fit a message.

    The model's words never replace ours: our sentence counts only as a paragraph of its own.
    """
    ours = list(dict.fromkeys(str(call.result["sentence"]) for call in made if call.result.get("reference")))
    text = cut(text, settings.TEXT_LIMIT - sum(len(sentence) + len(GAP) for sentence in ours))
    parts: list[str] = []
    for part in [*text.split(GAP), *ours]:
        if part and not (part in ours and part in parts):
            parts.append(part)
    return cut(GAP.join(parts), settings.TEXT_LIMIT)


def cut(text: str, room: int) -> str:
    """Return a text in at most so many characters."""
    return text if len(text) <= room else f"{text[: max(room - 1, 0)].rstrip()}…"
