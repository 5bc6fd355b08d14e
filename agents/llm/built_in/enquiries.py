"""Questions about figures and requests, as calls of the tools that answer them."""

import re

from agents.llm.built_in.phrases import book
from agents.llm.built_in.text import Clause
from agents.llm.built_in.types import HAPPENED, WAITING, Call

_WAITING = re.compile(
    r"\b(?:what|anything|something|is there anything)\b.*\b(?:waiting|waits|pending|open)\b.*\b(?:me|my|mine)\b"
    r"|\bwhat (?:do i|must i|should i|needs my|need i)\b.*\b(?:approve|decide|approval|decision)\b"
    r"|\bmy (?:open|pending) (?:requests?|approvals?)\b|\bwhat'?s waiting\b"
)
_REFERENCE = re.compile(r"\bbr[- ]?(\d{1,18})\b", re.IGNORECASE)
_HAPPENED = re.compile(r"\b(?:happen\w*|became|status|state|history|going on|where is|how is|what about|news)\b")


def asked_for(clause: Clause) -> tuple[Call, ...]:
    """Return the calls that answer a question about figures or requests; none for anything else."""
    if calls := book().writing(clause):
        return calls
    reference = _REFERENCE.search(clause.text)
    if reference and _HAPPENED.search(clause.bare):
        return (Call(HAPPENED, {"reference": f"BR-{reference[1]}"}),)
    if _WAITING.search(clause.bare):
        return (Call(WAITING),)
    return book().questions(clause)
