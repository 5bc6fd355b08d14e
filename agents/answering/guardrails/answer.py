"""Check an answer against the records before it is sent."""

import json
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from django.db.models import F

from agents.answering.guardrails.confidence import LOW, Confidence, Grounds
from agents.answering.guardrails.links import has_link
from agents.answering.guardrails.proof import target_words
from agents.answering.guardrails.screen import Records, claims_too_much, references, screen
from agents.llm.ports import RunOutcome
from agents.models import AgentRun, AgentVersion, ToolCall
from conversations.models import ChannelAccount
from core.observability.logging import get_logger
from hitl.models import Approval

log = get_logger(__name__)
_APPROVED: Final = frozenset({"approved", "executing", "unknown", "executed", "failed"})
_MOST: Final = 200


@dataclass(frozen=True)
class Checked:
    """The outcome that may be sent; `draft` is the text that is not, for the person who takes over."""

    outcome: RunOutcome
    draft: str = ""
    confidence: Confidence | None = None
    mended: tuple[str, ...] = ()
    """What was taken out of it: "hidden" characters, "links"."""


def check_answer(run: AgentRun, version: AgentVersion, outcome: RunOutcome, grounds: Grounds) -> Checked:
    """Return the outcome as it may be sent: as it is, mended, or as a failure with the gate's code.

    An answer with less confidence than its version asks for is a failure too ("low_confidence"), unless the run has
    made a request, which the customer has to hear of.
    """
    if outcome.error or not outcome.text:
        return Checked(outcome)
    records = _records_for(run.pk, run.conversation_id, outcome.text)
    verdict = screen(outcome.text, prompt=version.prompt, records=records)
    if verdict.problem:
        log.warning("answer_stopped", run=str(run.pk), code=verdict.problem)
        return Checked(replace(outcome, text="", error=verdict.problem), verdict.text)
    if verdict.mended:
        log.info("answer_mended", run=str(run.pk), what=",".join(verdict.mended))
    confidence = grounds.measure(outcome, is_mended=bool(verdict.mended))
    if grounds.is_low(confidence) and not ToolCall.objects.filter(run=run, approval_id__isnull=False).exists():
        log.info("answer_not_sure", run=str(run.pk), confidence=confidence.value if confidence else None)
        return Checked(replace(outcome, text="", error=LOW), verdict.text, confidence)
    text = verdict.text.strip()
    sent = replace(outcome, text=text, error="" if text else "empty_answer")
    return Checked(sent, confidence=confidence, mended=verdict.mended)


def check_words(*, run_id: UUID, conversation_id: UUID, agent_id: UUID, words: str) -> str:
    """Return words that an agent sends beside its answer as they may be sent, "" for none at all.

    They pass what its answer has to pass.
    """
    prompts = AgentVersion.objects.filter(pk=F("agent__active_version_id"), agent_id=agent_id)
    prompt = prompts.values_list("prompt", flat=True).first() or ""
    verdict = screen(words, prompt=prompt, records=_records_for(run_id, conversation_id, words))
    if verdict.problem:
        log.warning("words_stopped", run=str(run_id), code=verdict.problem)
    return "" if verdict.problem else verdict.text


def own_mailboxes() -> frozenset[str]:
    """Return the addresses at which the organisation receives mail: an agent may name them."""
    rows = ChannelAccount.objects.filter(kind=ChannelAccount.Kind.EMAIL)
    return frozenset(address.casefold() for address in rows.values_list("address", flat=True))


def _records_for(run_id: UUID, conversation_id: UUID, text: str) -> Records:
    """Read what the text needs as proof; nothing if it claims nothing."""
    claims = claims_too_much(text, Records())
    if not (claims or has_link(text)):
        return Records()
    calls = list(
        ToolCall.objects.filter(run_id=run_id, state=ToolCall.State.DONE).values_list("result", flat=True)[:_MOST]
    )
    links = own_mailboxes() | {str(link) for result in calls for link in result.get("links", ())}
    if not claims:
        return Records(links=links)
    rows = Approval.objects.filter(conversation_id=conversation_id).order_by("-id")
    mine = list(rows.values_list("reference", "state", "kind", "preview", "subject_key")[:_MOST])
    found = {reference: (state, kind) for reference, state, kind, _, _ in mine}
    own = frozenset(found)
    if others := references(text) - found.keys():
        named = Approval.objects.filter(reference__in=others).values_list("reference", "state", "kind")
        found |= {reference: (state, kind) for reference, state, kind in named}
    targets: dict[str, list[frozenset[str]]] = {}
    for _, state, kind, preview, subject in mine:
        if state == "executed":
            targets.setdefault(kind, []).append(target_words(str(preview.get("headline", "")), subject))
    return Records(
        states={reference: state for reference, (state, _) in found.items()},
        kinds={reference: kind for reference, (_, kind) in found.items()},
        own=own,
        done=frozenset(targets),
        targets=targets,
        approved=any(row[1] in _APPROVED for row in mine),
        rejected=any(row[1] == "rejected" for row in mine),
        read=json.dumps(calls, ensure_ascii=False, default=str).casefold(),
        links=links,
    )
