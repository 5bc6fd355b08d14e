"""Hold a streamed answer back until each of its sentences has passed the gate."""

import re
from collections.abc import Callable
from typing import Final

from agents.answering.guardrails.screen import screen
from agents.llm.ports import Emit

_END: Final = re.compile(r"[.!?…]\s|\n")
_MAY_GROW: Final = 200
"""Read again with each new sentence: a claim or an instruction may reach over the end of one."""


class Held:
    """Takes the pieces of a model, and lets out whole sentences as long as nothing is wrong with them.

    From the first sentence that would need mending on, nothing more is let out: the answer itself, checked against
    the records, comes at the end. `holds` says of the text so far that it has to wait for it too. Where a model judges
    what is claimed (`is_judged`), a doubtful sentence waits for it; where the agent `acts`, one that no rule can read.
    """

    def __init__(
        self,
        emit: Emit,
        prompt: str,
        holds: Callable[[str], bool],
        *,
        is_judged: bool = False,
        is_ours: bool = False,
        acts: bool = False,
        talk: str = "",
    ) -> None:
        self._is_judged, self._is_ours, self._acts, self._talk = is_judged, is_ours, acts, talk
        self._emit, self._prompt, self._holds = emit, prompt, holds
        self._text, self._let_out = "", 0
        self._is_shut = False

    def __call__(self, piece: str) -> None:
        """Take a piece."""
        self._text += piece
        if self._is_shut or not _END.search(self._text, max(0, self._let_out - 1)):
            return
        end = max(match.end() for match in _END.finditer(self._text, max(0, self._let_out - 1)))
        if end <= self._let_out:
            return
        seen = self._text[max(0, self._let_out - _MAY_GROW) : end]
        verdict = screen(seen, prompt=self._prompt, is_ours=self._is_ours, acts=self._acts, talk=self._talk)
        waits = self._is_judged and verdict.doubtful
        if verdict.problem or waits or verdict.text != seen or self._holds(self._text[:end]):
            self._is_shut = True
            return
        self._emit(self._text[self._let_out : end])
        self._let_out = end
