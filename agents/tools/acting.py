"""Acting tools: each requests an approval and changes nothing by itself."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field

from agents.runs.approval_texts import resubmitted_sentence, waiting_sentence
from agents.tools.registry import PROPOSE, Arguments, Caller, Tool, register, requester_through
from agents.tools.resubmit import resubmit_with_values
from conversations.selectors import tags_of_conversation
from core.errors import TooMany
from core.text.amounts import parse_amount
from hitl import services
from hitl.actions.base import Origin
from hitl.models import Approval


def _written_plainly(value: object) -> object:
    """A whole number is exact and becomes text; a float has already lost what the person wrote."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        parse_amount(value)
    return value


MoneyText = Annotated[
    str,
    BeforeValidator(_written_plainly),
    Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$"),
]
Name = Annotated[str, Field(min_length=1, max_length=300)]


class BudgetArguments(Arguments):
    """A new daily budget."""

    campaign: Name
    daily_budget: MoneyText = Field(description='New daily amount as text, for example "900.50"')
    currency: str = Field("", pattern=r"^([A-Z]{3})?$")


class PauseArguments(Arguments):
    """A campaign to pause."""

    campaign: Name


class MetaArguments(Arguments):
    """New meta data of a page."""

    page: Name
    title: str | None = Field(None, max_length=120)
    description: str | None = Field(None, max_length=320)


class PublishArguments(Arguments):
    """A draft to publish."""

    content: Name


class MessageArguments(Arguments):
    """A text for an audience."""

    audience: Name
    text: str = Field(min_length=1, max_length=1600)


class ActingTool(Tool):
    """Proposes the action kind of the same name."""

    audience = "member"
    acting = True
    changes = True
    needs = PROPOSE

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        params = arguments.model_dump(exclude_none=True)
        again = resubmit_with_values(self.key, params, caller=caller, call_id=call_id, hands=hands_of(caller))
        if again is not None:
            return asked(again, resubmitted_sentence(again))
        origin = Origin(
            conversation_id=caller.conversation_id,
            agent_id=caller.agent_id,
            run_id=caller.run_id,
            tool_call_id=call_id,
            requester_user_id=caller.user_id,
            agent_owner_id=caller.agent_owner_id,
            max_open_approvals=caller.max_open_approvals,
            also_excluded=hands_of(caller),
            contact_tags=tags_of_conversation(conversation_id=caller.conversation_id),
            channel=caller.channel,
        )
        actor = requester_through(caller, PROPOSE)
        try:
            approval = services.propose(
                actor=actor, kind=self.key, params=params, origin=origin, dedupe_key=str(call_id)
            )
        except TooMany as error:
            cap = error.facts["cap"]
            detail = f"I already have {cap} open requests, which is my limit. I haven't requested anything new."
            raise TooMany(detail, code=error.code, cap=cap) from error
        return asked(approval, waiting_sentence(approval))


def asked(approval: Approval, sentence: str) -> dict[str, Any]:
    """Return the result of a tool that requested an approval."""
    return {
        "approval_id": str(approval.id),
        "reference": approval.reference,
        "state": approval.state,
        "sentence": sentence,
    }


def hands_of(caller: Caller) -> tuple[UUID, ...]:
    """Return everyone who could have requested this for the caller.

    None of them may approve it.
    """
    owner = () if caller.agent_owner_id is None else (caller.agent_owner_id,)
    return (*caller.agent_author_ids, *caller.channel_keeper_ids, *caller.linker_ids, *owner)


class SetCampaignBudget(ActingTool):
    """A new daily budget."""

    key = "set_campaign_budget"
    title = "Set a daily budget"
    ability = "request a new daily budget for a campaign"
    description = "Request a new daily budget for a campaign; waits for approval."
    arguments = BudgetArguments


class PauseCampaign(ActingTool):
    """Stop a campaign."""

    key = "pause_campaign"
    title = "Pause a campaign"
    ability = "request to pause a campaign"
    description = "Request to pause a campaign; waits for approval."
    arguments = PauseArguments


class UpdatePageMeta(ActingTool):
    """New title or description."""

    key = "update_page_meta"
    title = "Change page meta data"
    ability = "request a new title or description for a page"
    description = "Request a new title or meta description for a page; waits for approval."
    arguments = MetaArguments


class PublishContent(ActingTool):
    """Publish a draft."""

    key = "publish_content"
    title = "Publish content"
    ability = "request to publish a piece of content"
    description = "Request to publish a draft; waits for approval."
    arguments = PublishArguments


class SendAudienceMessage(ActingTool):
    """Request a message to an audience."""

    key = "send_audience_message"
    title = "Message an audience"
    ability = "request a message to an audience"
    description = "Request a message to an audience; waits for approval."
    arguments = MessageArguments


def register_all() -> None:
    """Register the acting tools."""
    for tool in (
        SetCampaignBudget, PauseCampaign, UpdatePageMeta, PublishContent, SendAudienceMessage,
    ):  # fmt: skip
        register(tool)
