"""Resubmits a returned request unchanged because its requester says so."""

from typing import Any
from uuid import UUID

from agents.answering.runs.approval_texts import resubmitted_sentence
from agents.answering.tools.actions import asked, hands_of
from agents.answering.tools.registry import PROPOSE, Arguments, Caller, OneRequest, Tool, register
from agents.answering.tools.resubmit import resubmit_unchanged, returned_to


@register
class ResubmitRequest(Tool):
    """Asks the approvers again about a request that they sent back."""

    key = "resubmit_request"
    title = "Resubmit unchanged"
    ability = "resubmit a request that was sent back, unchanged"
    description = (
        "Resubmit a request of the person that was sent back, exactly as it was, when they plainly say that "
        "nothing should change. With new values call the acting tool instead."
    )
    audience = "member"
    needs = PROPOSE
    arguments = OneRequest
    changes = True
    per_hour = 0

    def allows(self, caller: Caller) -> bool:
        """Allow it only while one of the caller's requests is sent back."""
        return self.suits(caller) and returned_to(caller).exists()

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        reference = arguments.model_dump()["reference"]
        again = resubmit_unchanged(reference, caller=caller, call_id=call_id, hands=hands_of(caller))
        return asked(again, resubmitted_sentence(again))
