"""Keep one turn within its time and its worker, and end it when it may no longer speak."""

import time
from collections.abc import Sequence
from typing import Final

from agents.answering import selectors
from agents.answering.runs import lease
from agents.answering.tool_calls.refusals import PAUSED
from agents.answering.tools.registry import Caller
from agents.llm.ports import Emit, Line, Model, ToolSpec, Turn
from agents.models import AgentRun

LOOK_AGAIN: Final = 0.2
"""Seconds after which the state is read again while a model streams, and for what everybody may read."""
LOST: Final = "lost"
SEAT_ENDED: Final = "seat_ended"


class Ended(Exception):
    """The turn is over: no further call, no further word. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Halted(Exception):
    """What is being said may not be sent any more, and a person takes over. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TooSlow(Exception):
    """The turn has used up its time."""


class Watch:
    """Watches one turn, from its claim to its reply."""

    def __init__(self, run: AgentRun, seconds: float) -> None:
        self._run = run
        self.until = time.monotonic() + seconds
        self._looked_at = 0.0
        self._stops: frozenset[str] | None = None
        self._caller: Caller | None = None

    def follow(self, caller: Caller) -> None:
        """Say who it answers now, by which agent: it ends with the seat of the one, or with a stop of the other."""
        self._caller = caller

    def look(self, standing: selectors.Standing | None = None) -> None:
        """Check that the turn may go on, before each call of the model or of a tool, by what was just read, if it was.

        Raises `Ended` when a person has the conversation, it is closed, the customer stopped the answer or
        another worker has the run, `Halted` when an emergency stop was pressed since the first look or the member has
        other rights, and `TooSlow` when its time is over. Renews the lease.
        """
        if time.monotonic() >= self.until:
            raise TooSlow
        caller = self._caller
        found = standing or selectors.read_moment(self._run, caller.user_id if caller else None)
        if code := selectors.ENDS.get(found.state):
            raise Ended(code)
        if selectors.is_stopped(self._run, standing):
            raise Ended("stopped")
        if not found.is_held or not (lease.is_fresh(self._run) or lease.renew(self._run)):
            raise Ended(LOST)
        if self._stops is None:  # under those an agent may still say that its requests are paused
            self._stops = found.stops
        if code := self._halt(found):
            raise Halted(code)
        self._looked_at = time.monotonic()

    def last_look(self) -> str:
        """Return why an answer that is ready may not be sent any more, "" if it may; the conversation is locked."""
        return self._halt(selectors.read_moment(self._run, self._caller.user_id)) if self._caller else ""

    def _halt(self, found: selectors.Standing | selectors.Moment) -> str:
        caller = self._caller
        if caller and not {"", str(caller.agent_id)}.isdisjoint(found.stops - (self._stops or frozenset())):
            return PAUSED
        # At a call of a tool its rights are read again by themselves.
        if caller and caller.user_id and isinstance(found, selectors.Moment) and found.rights != caller.permissions:
            return SEAT_ENDED
        return ""

    def glance(self) -> None:
        """Check it before each piece that the model speaks and each public reading, several times a second at most."""
        if not self.has_just_looked():
            self.look()

    def has_just_looked(self) -> bool:
        """Return True if the turn was looked at a moment ago, and has time left."""
        now = time.monotonic()
        return now - self._looked_at < LOOK_AGAIN and now < self.until


class WatchedModel(Model):
    """A model that is asked, and heard, only while the turn may go on.

    A look of a moment ago counts before the first answer and while one comes. Before the model is asked again it is
    looked at again: a person's take-over ends the turn before its next word.
    """

    def __init__(self, model: Model, watch: Watch) -> None:
        self.key = model.key
        self._model, self._watch = model, watch
        self._was_asked = False

    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        def hear(piece: str) -> None:
            self._watch.glance()
            emit(piece)

        if self._was_asked:
            self._watch.look()
        else:
            self._watch.glance()
        self._was_asked = True
        self._model.until = self._watch.until
        return self._model.turn(lines, tools, prompt=prompt, emit=hear)
