"""Keep cases of an agent: from a trial, from an answer in a conversation, or written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from pydantic import ValidationError

from agents.answering.tools import registry as tools
from agents.llm.ports import ANSWER_TOOL
from agents.models import Agent, AgentRun, ToolCall
from agents.selectors import tools_of
from agents.studio.evals.cases import MOST_CASES, Case, CaseFile
from agents.studio.evals.models import EvalCase
from agents.studio.trials.calls import OWN_MATTERS
from agents.studio.trials.models import Trial
from agents.studio.trials.speakers import TRY
from agents.studio.trials.turns import get_trial, version_to_try
from conversations.models import Conversation, Message
from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, NotFound, TooMany
from core.privacy.json_texts import with_texts
from core.privacy.pii import mask_text

READ_TALK: Final = "conversations.view_conversation"
MISSING: Final = "There is no such case."
TAKEN: Final = "Another case of this agent has this name."
LARGEST_FILE: Final = 512 * 1024


@dataclass(frozen=True)
class Suggestion:
    """A case as the form of a new one begins."""

    agent_id: UUID | None = None
    document: dict[str, Any] = field(default_factory=dict)
    conversation_id: UUID | None = None


def keep_case(
    *, actor: Actor, agent_id: UUID, document: Mapping[str, Any], conversation_id: UUID | None = None
) -> EvalCase:
    """Keep a case of an agent; its texts are masked.

    Needs `agents.change_agent`, and `conversations.view_conversation` to name a conversation; raises `NotFound`,
    `Invalid` with the invalid fields, `Conflict` ("name_taken"), and `TooMany` after 200 cases.
    """
    actor.require(TRY)
    if conversation_id is not None:
        actor.require(READ_TALK)
        if not Conversation.objects.filter(pk=conversation_id).exists():
            raise NotFound("There is no such conversation.")
    case = parse_case(document)
    agent = Agent.objects.filter(pk=agent_id).first()
    if agent is None:
        raise NotFound("There is no such agent.")
    if agent.cases.count() >= MOST_CASES:
        raise TooMany(f"An agent has at most {MOST_CASES} cases.", code="too_many_cases")
    row = EvalCase(agent=agent, conversation_id=conversation_id, author_id=actor.user_id)
    _save(actor, row, case, "EVAL_CASE_KEPT")
    return row


def change_case(*, actor: Actor, case_id: UUID, document: Mapping[str, Any]) -> EvalCase:
    """Change a case; the checks have to run again.

    Needs `agents.change_agent`; raises `NotFound`, `Invalid` and `Conflict` ("name_taken").
    """
    row = get_case(viewer=actor, case_id=case_id)
    row.changed_at = now()
    _save(actor, row, parse_case(document), "EVAL_CASE_CHANGED")
    return row


def delete_case(*, actor: Actor, case_id: UUID) -> None:
    """Delete a case. Needs `agents.change_agent`; raises `NotFound`."""
    row = get_case(viewer=actor, case_id=case_id)
    with transaction.atomic():
        _record(actor, row, "EVAL_CASE_DELETED")
        row.delete()


def query_cases(*, viewer: Actor) -> QuerySet[EvalCase]:
    """Return the cases with their agents, newest first. Needs `agents.change_agent`."""
    viewer.require(TRY)
    rows: QuerySet[EvalCase] = EvalCase.objects.select_related("agent")
    return rows.order_by("-id")


def get_case(*, viewer: Actor, case_id: UUID) -> EvalCase:
    """Return one case. Needs `agents.change_agent`; raises `NotFound`."""
    return get_or_missing(query_cases(viewer=viewer).filter(pk=case_id), MISSING)


def tools_for_cases(*, viewer: Actor, agent_id: object) -> list[str]:
    """Return the tools that an agent may call in a check, its own first; none for an agent that isn't there.

    Needs `agents.change_agent`.
    """
    viewer.require(TRY)
    try:
        agent = Agent.objects.filter(pk=UUID(str(agent_id))).first()
        version = version_to_try(agent) if agent else None
    except (ValueError, Conflict):
        version = None
    if version is None:
        return []
    left_out = {ANSWER_TOOL, *OWN_MATTERS}
    names = dict.fromkeys([*tools_of(version), *tools.FOR_EVERY_AGENT])
    return [name for name in names if tools.is_known(name) and name not in left_out]


def suggest_from_trial(*, viewer: Actor, trial_id: UUID) -> Suggestion:
    """Return a case of one of the viewer's own trials: all that was said, and what the last answer did."""
    trial = get_trial(viewer=viewer, trial_id=trial_id)
    turns = [turn for turn in trial.turns.all() if not (turn.is_open or turn.is_lost)]
    steps = [step for turn in turns for step in turn.steps]
    expects = {
        "calls": _tools_of(step["tool"] for step in steps if step["kind"] == "reads"),
        "asks_approval_for": _tools_of(step["tool"] for step in steps if step["kind"] == "asks"),
        "sources": [source["title"] for source in turns[-1].sources] if turns else [],
        "brings_person": turns[-1].brings_person if turns else None,
    }
    says = [turn.said for turn in turns][-10:]
    return Suggestion(trial.agent_id, {"speaker": trial.speaker, "says": says, "expects": expects})


def suggest_from_answer(*, viewer: Actor, message_id: UUID) -> Suggestion:
    """Return a case of an agent's answer in a conversation: what was asked, and what the agent used.

    Needs `agents.change_agent` and `conversations.view_conversation`; raises `NotFound` for what is no agent's answer.
    """
    viewer.require(TRY)
    viewer.require(READ_TALK)
    runs = AgentRun.objects.filter(reply_id=message_id, agent_version__isnull=False)
    run = runs.select_related("agent_version").first()
    reply: Message | None = Message.objects.filter(pk=message_id).first()
    if run is None or run.agent_version is None or reply is None:
        raise NotFound("This isn't an answer of an agent.")
    asked = list(run.inputs.select_related("message").order_by("message__seq"))
    done = run.tool_calls.filter(state=ToolCall.State.DONE)
    expects = {
        "calls": _tools_of(done.filter(approval_id=None).order_by("id").values_list("name", flat=True)),
        "asks_approval_for": _tools_of(done.exclude(approval_id=None).order_by("id").values_list("name", flat=True)),
        "sources": [str(one.get("title", "")) for one in (reply.metadata or {}).get("sources", ())],
    }
    document = {
        "speaker": speaker_of([each.message for each in asked]),
        "says": [each.message.masked_body[:2000] for each in asked if each.message.masked_body][-10:],
        "expects": expects,
    }
    return Suggestion(run.agent_version.agent_id, document, run.conversation_id)


def speaker_of(messages: list[Message]) -> str:
    """Return who spoke: the weakest of the senders."""
    if not messages or not all(message.sender_verified for message in messages):
        return Trial.Speaker.STRANGER
    is_member = all(message.sender_user_id for message in messages)
    return Trial.Speaker.MEMBER if is_member else Trial.Speaker.CUSTOMER


def parse_case(document: Mapping[str, Any]) -> Case:
    """Return a case, masked; raises `Invalid` with the invalid fields."""
    try:
        case = Case.model_validate(document)
        # Cases are written as they are read: masked words may have another length.
        return Case.model_validate(with_texts(case.model_dump(mode="json"), mask_text))
    except ValidationError as wrong:
        raise Invalid("This is not a case.", fields=_fields_of(wrong)) from None


def read_file(content: bytes) -> CaseFile:
    """Return the cases of a file; raises `Invalid` with what is wrong and where."""
    if len(content) > LARGEST_FILE:
        raise Invalid("The file of cases is too large.", fields={"file": ["At most 512 kB."]})
    try:
        return CaseFile.model_validate(json.loads(content))
    except ValidationError as wrong:
        raise Invalid("This is not a file of cases.", fields=_fields_of(wrong)) from None
    except (ValueError, RecursionError):
        raise Invalid("This is not a file of cases.", fields={"file": ["It is not JSON in UTF-8."]}) from None


def _fields_of(wrong: ValidationError) -> dict[str, list[str]]:
    """Return the first problem of each field, by its path in the document."""
    found: dict[str, list[str]] = {}
    for problem in wrong.errors(include_input=False, include_url=False, include_context=False):
        path = ".".join(str(part)[:60] for part in problem["loc"]) or "expects"
        found.setdefault(path, [problem["msg"].removeprefix("Value error, ")[:200]])
    return dict(list(found.items())[:20])


def _tools_of(names: Any) -> list[str]:
    return [name for name in dict.fromkeys(names) if name != ANSWER_TOOL][:20]


def _save(actor: Actor, row: EvalCase, case: Case, action: str) -> None:
    row.name, row.is_must, row.document = case.name, case.must, case.model_dump(mode="json")
    try:
        with transaction.atomic():
            row.save()
            _record(actor, row, action)
    except IntegrityError:
        raise Conflict(TAKEN, code="name_taken", fields={"name": [TAKEN]}) from None


def _record(actor: Actor, row: EvalCase, action: str) -> None:
    chain.record(actor, action, "agents.agent", row.agent_id, facts={"case": str(row.pk), "must": row.is_must})
