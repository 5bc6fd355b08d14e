"""Check an answer against the records before it is sent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from django.db.models import F

from agents.answering.guardrails.claims import Sentence, sentences_of
from agents.answering.guardrails.confidence import LOW, Confidence, Grounds
from agents.answering.guardrails.links import addresses_in, has_link
from agents.answering.guardrails.proof import Request, target_words
from agents.answering.guardrails.screen import CLAIM, Records, Verdict, references, screen, unproven
from agents.answering.guardrails.sentences import OF_US
from agents.answering.runs.approval_texts import standing_sentence
from agents.answering.runs.redacted import open_vault
from agents.llm.ports import RunOutcome
from agents.llm.routes import availability, claim_judge
from agents.llm.routes.calls import Place
from agents.llm.routes.candidates import LOCAL
from agents.llm.routes.models import ModelCall
from agents.models import AgentRun, AgentVersion, ToolCall
from agents.privacy import Vault
from conversations.models import ChannelAccount
from core.observability.logging import get_logger
from hitl.models import Approval

log = get_logger(__name__)
_MOST: Final = 200
_MOST_DATA: Final = 4000


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
    is_judged = has_judge(version)
    records = _records_for(run.pk, run.conversation_id, outcome.text, is_judged=is_judged)
    verdict = screen(outcome.text, prompt=version.prompt, records=records, is_ours=version.model == LOCAL)
    if is_judged:
        place = Place(ModelCall.Purpose.JUDGING, run_id=run.pk, agent_id=version.agent_id)
        verdict = clear(verdict, records, place=place, conversation_id=run.conversation_id, until=until)
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
    records = _records_for(run_id, conversation_id, words, is_judged=False)
    verdict = screen(words, prompt=prompt, records=records)
    if verdict.problem:
        log.warning("words_stopped", run=str(run_id), code=verdict.problem)
    return "" if verdict.problem else verdict.text


def own_mailboxes() -> frozenset[str]:
    """Return the addresses at which the organisation receives mail: an agent may name them."""
    rows = ChannelAccount.objects.filter(kind=ChannelAccount.Kind.EMAIL)
    return frozenset(address.casefold() for address in rows.values_list("address", flat=True))


def has_judge(version: AgentVersion) -> bool:
    """Return True if a model is asked what doubtful sentences of a version's answers claim; ours are by rules."""
    return version.model != LOCAL and availability.has_judge() and availability.asks_network(version)


def clear(
    verdict: Verdict, records: Records, *, place: Place, conversation_id: UUID | None, until: float | None = None
) -> Verdict:
    """Return a verdict after a judge has read its doubtful sentences and what tools read, without personal data.

    As it is if nobody could be asked. Not inside a transaction.
    """
    if not verdict.doubtful or verdict.problem not in ("", CLAIM):
        return verdict
    data = "\n".join(records.rows)[:_MOST_DATA]
    vault = (
        open_vault(conversation_id, [data, *(each.said for each in verdict.doubtful)]) if conversation_id else Vault()
    )
    asked = [vault.redact(each.said) for each in verdict.doubtful]
    letters = claim_judge.judge(asked, data=vault.redact(data), place=place, until=until)
    return verdict if letters is None else replace(verdict, problem=CLAIM if holds(verdict.doubtful, letters) else "")


def holds(sentences: Sequence[Sentence], letters: str) -> bool:
    """Return True if a judge's letters for sentences leave a claim.

    What rules read as one passes for a reason only, and data never shows what we have done.
    """
    return any(
        letter == claim_judge.CLAIM
        or (letter == claim_judge.OTHER and each.claims)
        or (letter == claim_judge.DATA and OF_US.search(each.said.casefold()) is not None)
        for each, letter in zip(sentences, letters, strict=True)
    )


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
    return Records(
        read=json.dumps(list(map(dict, results)), ensure_ascii=False, default=str).casefold(),
        ours=frozenset(str(result["sentence"]) for result in results if "sentence" in result),
        documents=quoted[False],
        foreign=quoted[True],
        rows=[row for result in facts for row in _rows_in(result)],
        links=links,
    )


def _rows_in(value: object, above: str = "") -> Iterator[str]:
    """Yield the plain values of each object in a result, with the names of the fields that hold something."""
    if isinstance(value, Mapping):
        held = {key: each for key, each in value.items() if each not in (None, False, 0, "", [], {})}
        above = f"{above} {' '.join(held)}"
        plain = [str(each) for each in held.values() if not isinstance(each, Mapping | list)]
        yield f"{' '.join(plain)}{above}"
        value = list(held.values())
    if isinstance(value, list):
        for each in value:
            yield from _rows_in(each, above)


def _records_for(run_id: UUID, conversation_id: UUID, text: str, *, is_judged: bool) -> Records:
    """Read what the text needs as proof; nothing if it claims nothing."""
    claims = [each for each in unproven(text, Records()) if each.claims or is_judged]
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
