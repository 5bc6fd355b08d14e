"""Sending a request that was sent back in again exactly as it was, because its requester says so."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from agents.runs.approval_texts import resubmitted_sentence
from agents.tools.acting import asked, hands_of
from agents.tools.registry import PROPOSE, Arguments, Audience, Caller, OneRequest, Tool, register
from agents.tools.resubmit import returned_to, send_in_unchanged


class SendInAgain(Tool):
    """Asks the signers once more for what they sent back."""

    key: ClassVar[str] = "send_in_again"
    title: ClassVar[str] = "Send in again as it was"
    ability: ClassVar[str] = "send a request that was sent back in again as it was"
    description: ClassVar[str] = (
        "Send a request of the person that was sent back in again exactly as it was, when he plainly says that "
        "nothing of it should change. With new values call the acting tool instead."
    )
    audience: ClassVar[Audience] = "member"
    needs: ClassVar[str] = PROPOSE
    arguments: ClassVar[type[Arguments]] = OneRequest

    def allows(self, caller: Caller) -> bool:
        """Only while a request of his is sent back."""
        return self.suits(caller) and returned_to(caller).exists()

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        reference = arguments.model_dump()["reference"]
        again = send_in_unchanged(reference, caller=caller, call_id=call_id, hands=hands_of(caller))
        return asked(again, resubmitted_sentence(again))


def register_all() -> None:
    """Register the tool."""
    register(SendInAgain)
