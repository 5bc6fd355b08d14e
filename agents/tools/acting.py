"""Acting tools: each asks for a signature and does nothing by itself."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BeforeValidator, Field

from agents.runs.approval_texts import resubmitted_sentence, waiting_sentence
from agents.tools.registry import PROPOSE, Arguments, Audience, Caller, Tool, register, requester_through
from agents.tools.resubmit import send_in_again
from conversations.selectors import tags_of_conversation
from core.errors import TooMany
from hitl import services
from hitl.actions.base import Origin
from hitl.domain.state_machine import FINAL
from hitl.models import Approval


def _whole_as_text(value: object) -> object:
    """Whole numbers are exact; a float has already lost what the person wrote."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


MoneyText = Annotated[str, BeforeValidator(_whole_as_text), Field(pattern=r"^\d{1,9}(\.\d{1,2})?$")]
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

    audience: ClassVar[Audience] = "member"
    acting: ClassVar[bool] = True
    needs: ClassVar[str] = PROPOSE

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        params = arguments.model_dump(exclude_none=True)
        again = send_in_again(self.key, params, caller=caller, call_id=call_id, hands=hands_of(caller))
        if again is not None:
            return asked(again, resubmitted_sentence(again))
        _refuse_above_own_limit(caller, call_id)
        approval = services.propose(
            actor=requester_through(caller, PROPOSE),
            kind=self.key,
            params=params,
            origin=Origin(
                conversation_id=caller.conversation_id,
                agent_id=caller.agent_id,
                run_id=caller.run_id,
                tool_call_id=call_id,
                requester_user_id=caller.user_id,
                agent_owner_id=caller.agent_owner_id,
                also_excluded=hands_of(caller),
                contact_tags=tags_of_conversation(conversation_id=caller.conversation_id),
                channel=caller.channel,
            ),
            dedupe_key=str(call_id),
        )
        return asked(approval, waiting_sentence(approval))


def asked(approval: Approval, sentence: str) -> dict[str, Any]:
    """What a tool returns that asked for a signature."""
    return {
        "approval_id": str(approval.id),
        "reference": approval.reference,
        "state": approval.state,
        "sentence": sentence,
    }


def _refuse_above_own_limit(caller: Caller, call_id: UUID) -> None:
    """The limit in the agent's configuration; the desk's own is kept by the approval engine."""
    limit = caller.max_open_approvals
    if limit is None:
        return
    others = Approval.objects.filter(agent_id=caller.agent_id).exclude(tool_call_id=call_id)
    waiting = others.exclude(state__in=FINAL).count()
    if waiting >= limit:
        detail = f"As many of my requests as I may have ({limit}) are waiting already. Nothing new was asked for."
        raise TooMany(detail, code="open_cap", cap=limit)


def hands_of(caller: Caller) -> tuple[UUID, ...]:
    """Who could have asked in the caller's name, or made the agent ask: none of them may sign."""
    owner = () if caller.agent_owner_id is None else (caller.agent_owner_id,)
    return (*caller.agent_author_ids, *caller.channel_keeper_ids, *caller.linker_ids, *owner)


class SetCampaignBudget(ActingTool):
    """A new daily budget."""

    key: ClassVar[str] = "set_campaign_budget"
    title: ClassVar[str] = "Set a daily budget"
    ability: ClassVar[str] = "ask for a new daily budget of a campaign"
    description: ClassVar[str] = "Ask for a new daily budget of a campaign; waits for a signature."
    arguments: ClassVar[type[Arguments]] = BudgetArguments


class PauseCampaign(ActingTool):
    """Stop a campaign."""

    key: ClassVar[str] = "pause_campaign"
    title: ClassVar[str] = "Pause a campaign"
    ability: ClassVar[str] = "ask to pause a campaign"
    description: ClassVar[str] = "Ask to pause a campaign; waits for a signature."
    arguments: ClassVar[type[Arguments]] = PauseArguments


class UpdatePageMeta(ActingTool):
    """New title or description."""

    key: ClassVar[str] = "update_page_meta"
    title: ClassVar[str] = "Change page meta data"
    ability: ClassVar[str] = "ask to change a page's title or description"
    description: ClassVar[str] = "Ask for a new title or meta description of a page; waits for a signature."
    arguments: ClassVar[type[Arguments]] = MetaArguments


class PublishContent(ActingTool):
    """Publish a draft."""

    key: ClassVar[str] = "publish_content"
    title: ClassVar[str] = "Publish content"
    ability: ClassVar[str] = "ask to publish a piece of content"
    description: ClassVar[str] = "Ask to publish a draft; waits for a signature."
    arguments: ClassVar[type[Arguments]] = PublishArguments


class SendAudienceMessage(ActingTool):
    """Write to an audience."""

    key: ClassVar[str] = "send_audience_message"
    title: ClassVar[str] = "Message an audience"
    ability: ClassVar[str] = "ask to send an audience a message"
    description: ClassVar[str] = "Ask to send an audience a message; waits for a signature."
    arguments: ClassVar[type[Arguments]] = MessageArguments


def register_all() -> None:
    """Register the acting tools."""
    for tool in (
        SetCampaignBudget, PauseCampaign, UpdatePageMeta, PublishContent, SendAudienceMessage,
    ):  # fmt: skip
        register(tool)
