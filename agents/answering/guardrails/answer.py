"""Check an answer against the records before it is sent."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from django.db.models import F

from agents.answering.guardrails.claims import sentences_of
from agents.answering.guardrails.confidence import LOW, Confidence, Grounds
from agents.answering.guardrails.judged import clear, has_judge
from agents.answering.guardrails.links import addresses_in, has_link
from agents.answering.guardrails.proof import Request, target_words
from agents.answering.guardrails.screen import Records, references, screen, unproven
from agents.answering.guardrails.sentences import ACTING
from agents.answering.runs.approval_texts import standing_sentence
from agents.answering.tools import registry as tools
from agents.llm.ports import RunOutcome
from agents.llm.routes.calls import Place
from agents.llm.routes.candidates import LOCAL
from agents.llm.routes.models import ModelCall
from agents.models import AgentRun, AgentVersion, ToolCall
from agents.selectors import tools_of
from conversations.models import ChannelAccount
from core.observability.logging import get_logger
from core.text.languages import language_of_talk
from hitl.models import Approval

log = get_logger(__name__)
_MOST: Final = 200
_FIELD: Final = re.compile(r"[a-z_]{1,40}")
_VALUE: Final = re.compile(r"[A-Za-z_]{1,24}|[A-Za-z]{0,4}[-#]?\d[\d.,:/TZ+-]{0,30}")
"""A word, a number, a date or an id: none of them can hold an order to its reader."""


@dataclass(frozen=True)
class Checked:
    """The outcome that may be sent; `draft` is the text that is not, for the person who takes over."""

    outcome: RunOutcome
    draft: str = ""
    confidence: Confidence | None = None
    mended: tuple[str, ...] = ()
    """What was taken out of it, or replaced: "hidden" characters, "links", "outcomes"."""


def check_answer(
    run: AgentRun, version: AgentVersion, outcome: RunOutcome, grounds: Grounds, *, until: float | None = None
) -> Checked:
    """Return the outcome as it may be sent: as it is, mended, or as a failure with the gate's code.

    Not inside a transaction: a model may be asked what it claims. An answer with less confidence than its version asks
    for is a failure too ("low_confidence"), unless the run has made a request, which the customer has to hear of.
    """
    if outcome.error or not outcome.text:
        return Checked(outcome)
    is_judged, is_ours, acts, heard = has_judge(version), version.model == LOCAL, may_act(version), grounds.heard()
    talk = "" if is_ours else language_of_talk(heard)
    found = unproven(outcome.text, Records(), talk)
    claims = any(is_judged or each.is_held(acts=acts) for each in found)
    records = _records_for(run.pk, run.conversation_id, outcome.text, claims=claims)
    verdict = screen(outcome.text, prompt=version.prompt, records=records, is_ours=is_ours, acts=acts, talk=talk)
    if is_judged:
        place = Place(ModelCall.Purpose.JUDGING, run_id=run.pk, agent_id=version.agent_id)
        verdict = clear(verdict, records, heard, place=place, conversation_id=run.conversation_id, until=until)
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


def check_words(*, run_id: UUID, conversation_id: UUID, agent_id: UUID, words: str, is_text: bool = True) -> str:
    """Return words that an agent sends beside its answer as they may be sent, "" for none at all.

    They pass what its answer has to pass. A table is no text, and its rows tell no language.
    """
    version = AgentVersion.objects.filter(pk=F("agent__active_version_id"), agent_id=agent_id).first()
    prompt, acts = (version.prompt, is_text and may_act(version)) if version else ("", is_text)
    claims = any(each.is_held(acts=acts) for each in unproven(words, Records()))
    records = _records_for(run_id, conversation_id, words, claims=claims)
    verdict = screen(words, prompt=prompt, records=records, acts=acts)
    if verdict.problem:
        log.warning("words_stopped", run=str(run_id), code=verdict.problem)
    return "" if verdict.problem else verdict.text


def own_mailboxes() -> frozenset[str]:
    """Return the addresses at which the organisation receives mail: an agent may name them."""
    rows = ChannelAccount.objects.filter(kind=ChannelAccount.Kind.EMAIL)
    return frozenset(address.casefold() for address in rows.values_list("address", flat=True))


def may_act(version: AgentVersion) -> bool:
    """Return True if a version may request actions, or is led by another system, whose tools nobody knows here.

    The built-in model writes records and quotations only.
    """
    given = [tools.get(key) for key in tools_of(version) if tools.is_known(key)]
    return version.model != LOCAL and (bool(version.flow) or any(tool.acting for tool in given))


def records_of(results: Sequence[Mapping[str, Any]]) -> Records:
    """Return what the results of tools show, beside the organisation's mailboxes."""
    quoted: dict[bool, set[str]] = {True: set(), False: set()}
    links = set(own_mailboxes())
    for result in results:
        links.update(map(str, result.get("links", ())))
        for passage in result.get("passages", ()):
            quoted[bool(result.get("foreign"))].update(sentences_of(str(passage["text"])))
            links |= set() if passage.get("foreign") else addresses_in(str(passage["text"]))
    # What waits or is asked for is no fact: of requests only their state in the records counts.
    facts = [result for result in results if not ("passages" in result or references(json.dumps(result, default=str)))]
    told = [result["history"] for result in results if references(str(result.get("request"))) and "history" in result]
    return Records(
        history="\n".join(str(line) for lines in told if isinstance(lines, list) for line in lines).casefold(),
        read=json.dumps(list(map(dict, results)), ensure_ascii=False, default=str).casefold(),
        ours=frozenset(str(result["sentence"]) for result in results if "sentence" in result),
        documents=quoted[False],
        foreign=quoted[True],
        rows=[row for result in facts for row in _rows_in(result)],
        facts=[row for result in facts for row in _facts_in(result)],
        links=links,
    )


def _rows_in(value: object, above: str = "") -> Iterator[str]:
    """Yield the plain values of each object in a result, with the names of the fields that hold something.

    A state is one word: what says in several that something was done is a note of anybody.
    """
    if isinstance(value, Mapping):
        held = {key: each for key, each in value.items() if each not in (None, False, 0, "", [], {})}
        above = f"{above} {' '.join(held)}"
        said = [str(each) for each in held.values() if not isinstance(each, Mapping | list)]
        plain = [each for each in said if _VALUE.fullmatch(each) or not ACTING.search(each)]
        yield f"{' '.join(plain)}{above}"
        value = list(held.values())
    if isinstance(value, list):
        for each in value:
            yield from _rows_in(each, above)


def _facts_in(value: object) -> Iterator[dict[str, str]]:
    """Yield the plain values of each object in a result that can be no text of anybody, by their fields."""
    if isinstance(value, Mapping):
        said = {key: str(each) for key, each in value.items() if not isinstance(each, Mapping | list)}
        kept = {key: each for key, each in said.items() if _FIELD.fullmatch(str(key)) and _VALUE.fullmatch(each)}
        if kept:
            yield kept
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _facts_in(each)


def _records_for(run_id: UUID, conversation_id: UUID, text: str, *, claims: bool) -> Records:
    """Read what the text needs as proof; nothing if it claims nothing."""
    if not (claims or has_link(text) or references(text)):
        return Records()
    calls = list(
        ToolCall.objects.filter(run_id=run_id, state=ToolCall.State.DONE).values_list("result", flat=True)[:_MOST]
    )
    records = records_of(calls)
    if not (claims or references(text)):
        return records
    mine = list(Approval.objects.filter(conversation_id=conversation_id).order_by("-id")[:_MOST])
    requests = [
        Request(
            each.reference,
            each.state,
            each.kind,
            target_words(str(each.preview.get("headline", "")), each.subject_key),
        )
        for each in mine
    ]
    if others := references(text) - {each.reference for each in requests}:
        named = Approval.objects.filter(reference__in=others).values_list("reference", "state", "kind")
        requests += [Request(reference, state, kind, is_own=False) for reference, state, kind in named]
    standing = {each.reference: standing_sentence(each) for each in mine}
    return replace(records, requests=requests, sentences=standing)
