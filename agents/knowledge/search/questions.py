"""What people asked and no document answered: kept masked, grouped by what it is about, answered by an article."""

from datetime import timedelta
from typing import Final, Unpack
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from agents.knowledge.models import Document, OpenQuestion, QuestionAsked
from agents.knowledge.search.asked import read_question
from agents.knowledge.services import MANAGE, Facts, change_article, write_article
from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.db.locks import advisory_lock, locked
from core.errors import Conflict, check_fields
from core.privacy.pii import mask_text
from core.retention import BATCH, remove

TEXT_LIMIT: Final = 300
KEPT: Final = timedelta(days=180)
"""Nobody asks it any more: it is forgotten."""
LOOKED_AT: Final = 300
ALIKE: Final = 0.6
"""The share of their telling words that two questions have in common at least, to be about the same."""
MISSING: Final = "There is no such question."
State = OpenQuestion.State


@transaction.atomic
def note_question(*, conversation_id: UUID, question: str, audience: str) -> OpenQuestion | None:
    """Keep a question that no document answered, with those about the same; None for one without telling words.

    For agents. A conversation counts once for each question.
    """
    text = " ".join(mask_text(question[: TEXT_LIMIT * 2]).split())[:TEXT_LIMIT]
    words = sorted({word.text for word in read_question(text, audience=audience).words})[:24]
    if not words:
        return None
    advisory_lock("open-questions")
    rows = OpenQuestion.objects.filter(state=State.OPEN).order_by("-last_asked_at")[:LOOKED_AT]
    wanted = set(words)
    rated = [(len(wanted & set(row.words)) / len(wanted | set(row.words)), row) for row in rows]
    near = [(share, row) for share, row in rated if share >= ALIKE]
    row = max(near, key=lambda pair: pair[0])[1] if near else None
    if row is None:
        row = OpenQuestion(text=text, words=words)
        row.save(force_insert=True)
    _, is_new = QuestionAsked.objects.get_or_create(question=row, conversation_id=conversation_id)
    OpenQuestion.objects.filter(pk=row.pk).update(asked=F("asked") + (1 if is_new else 0), last_asked_at=now())
    row.refresh_from_db()
    return row


@transaction.atomic
def answer_question(
    *,
    actor: Actor,
    question_id: UUID,
    collection_id: UUID,
    title: str,
    text: str,
    **facts: Unpack[Facts],
) -> OpenQuestion:
    """Write the article that answers a question; agents answer from it at once.

    Needs `agents.manage_knowledge`; raises `NotFound`, `Invalid` with the fields, and `Conflict` for a question that
    was answered or dismissed already ("not_open").
    """
    actor.require(MANAGE)
    row = _open(question_id)
    return _answered(
        actor, row, write_article(actor=actor, collection_id=collection_id, title=title, text=text, **facts)
    )


@transaction.atomic
def add_to_article(
    *, actor: Actor, question_id: UUID, document_id: UUID, text: str, seen_version: int | None = None
) -> OpenQuestion:
    """Answer a question by a new version of an article; agents answer from it at once.

    Needs `agents.manage_knowledge`; raises `NotFound`, `Invalid` for a text that the article has already, and
    `Conflict` as `change_article` does and for a question that was answered or dismissed already ("not_open").
    """
    actor.require(MANAGE)
    row = _open(question_id)
    before = Document.objects.filter(pk=document_id).values_list("version", flat=True).first()
    document = change_article(actor=actor, document_id=document_id, seen_version=seen_version, text=text)
    check_fields({"text": "Add the answer to the text." if document.version == before else ""})
    return _answered(actor, row, document)


@transaction.atomic
def dismiss_question(*, actor: Actor, question_id: UUID) -> OpenQuestion:
    """Leave a question without an answer: it isn't for this organisation.

    Needs `agents.manage_knowledge`; raises `NotFound`, and `Conflict` for one that isn't open ("not_open").
    """
    actor.require(MANAGE)
    row = _open(question_id)
    row.state = State.DISMISSED
    row.save(update_fields=["state"])
    _record(actor, "QUESTION_DISMISSED", row)
    return row


def prune_questions() -> int:
    """Delete questions that nobody has asked for half a year; return how many. For the sweep."""
    return remove(OpenQuestion, Q(last_asked_at__lt=now() - KEPT), limit=BATCH)


def _open(question_id: UUID) -> OpenQuestion:
    row = locked(OpenQuestion, question_id, MISSING)
    if row.state != State.OPEN:
        raise Conflict("This question was answered or dismissed already.", code="not_open", state=row.state)
    return row


def _answered(actor: Actor, row: OpenQuestion, document: Document) -> OpenQuestion:
    row.state, row.answer = State.ANSWERED, document
    row.save(update_fields=["state", "answer"])
    _record(actor, "QUESTION_ANSWERED", row, document=str(document.pk))
    return row


def _record(actor: Actor, action: str, row: OpenQuestion, **facts: str) -> None:
    chain.record(actor, action, "agents.openquestion", row.pk, State.OPEN, row.state, facts)
