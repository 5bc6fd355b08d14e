"""Keep collections and documents: create, write, move, delete."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import urlsplit
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.last_change import last_change
from accounts.versioning import check_version
from agents.knowledge.models import Collection, Document, DocumentVersion, Site
from agents.knowledge.search.index import digest_of, remove_passages, write_passages
from agents.knowledge.sources.passages import Piece, cut
from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.db.locks import locked
from core.errors import Conflict, Invalid, NotFound, check_fields
from core.jobs.queues import enqueue_after_commit
from core.text.clean import clean_text, text_problem
from core.text.languages import main_language

MANAGE: Final = "agents.manage_knowledge"
NAME_LIMIT: Final = 80
ABOUT_LIMIT: Final = 300
TITLE_LIMIT: Final = 200
TEXT_LIMIT: Final = 200_000
"""Characters of an article: 60 pages. Longer texts are uploaded as files."""
ADDRESS_LIMIT: Final = 1000
DAYS: Final = frozenset({"valid_from", "valid_until"})
NO_COLLECTION: Final = "There is no such collection."
NO_DOCUMENT: Final = "There is no such document."
State = Document.State


class Facts(TypedDict, total=False):
    """What may be said of a document beside its title and text; `None` as a day is none."""

    language: str
    address: str
    valid_from: date | None
    valid_until: date | None


class Change(Facts, total=False):
    """What may change in a document."""

    title: str
    text: str


@transaction.atomic
def create_collection(*, actor: Actor, name: str, audience: str, description: str = "") -> Collection:
    """Create a collection for an audience. Needs `agents.manage_knowledge`; raises `Invalid` with the fields."""
    actor.require(MANAGE)
    row = Collection(**_collection_facts(name, audience, description))
    _save_collection(row)
    _record(actor, "COLLECTION_CREATED", row, new_state=row.audience)
    return row


@transaction.atomic
def change_collection(
    *,
    actor: Actor,
    collection_id: UUID,
    name: str | None = None,
    audience: str | None = None,
    description: str | None = None,
) -> Collection:
    """Change a collection; what is left out stays, and a new audience counts at once.

    Needs `agents.manage_knowledge`; raises `NotFound` and `Invalid` with the fields.
    """
    actor.require(MANAGE)
    row = locked(Collection, collection_id, NO_COLLECTION)
    before = row.audience
    facts = _collection_facts(
        row.name if name is None else name,
        row.audience if audience is None else audience,
        row.description if description is None else description,
    )
    changed = [field for field, value in facts.items() if getattr(row, field) != value]
    if not changed:
        return row
    for field, value in facts.items():
        setattr(row, field, value)
    _save_collection(row)
    _record(actor, "COLLECTION_CHANGED", row, old_state=before, new_state=row.audience, fields=changed)
    return row


@transaction.atomic
def delete_collection(*, actor: Actor, collection_id: UUID, seen_version: int | None = None) -> None:
    """Delete an empty collection.

    Needs `agents.manage_knowledge`; raises `NotFound`, and `Conflict` ("not_empty") while it has documents or sites, or
    once answers have cited one of them. A collection has no versions: `seen_version` is compared with nothing.
    """
    actor.require(MANAGE)
    row = locked(Collection, collection_id, NO_COLLECTION)
    if Document.objects.filter(collection=row).exclude(state=State.DELETED).exists():
        raise Conflict("Delete or move its documents first.", code="not_empty")
    if Site.objects.filter(collection=row).exists():
        raise Conflict("Remove its sites first.", code="not_empty")
    if Document.objects.filter(collection=row).exists():
        raise Conflict(
            "Answers may still cite documents that were in it, so it stays. Rename it if you like.", code="not_empty"
        )
    key = row.pk
    row.delete()
    chain.record(actor, "COLLECTION_DELETED", "agents.collection", key)


@transaction.atomic
def write_article(*, actor: Actor, collection_id: UUID, title: str, text: str, **facts: Unpack[Facts]) -> Document:
    """Write an article; agents answer from it at once, or on the days that it is valid.

    The text may use Markdown: it is cut at its headings. Without a `language` the text tells it. Needs
    `agents.manage_knowledge`; raises `NotFound` and `Invalid` with the fields.
    """
    actor.require(MANAGE)
    clean, pieces = _article_facts(title, text, facts)
    collection = locked(Collection, collection_id, NO_COLLECTION)
    row = Document(collection=collection, kind=Document.Kind.ARTICLE, state=State.READING, **clean)
    row.save(force_insert=True)
    store_version(row, text=text, pieces=pieces, author_id=actor.user_id)
    _record(actor, "DOCUMENT_CREATED", row, new_state=row.state, version=row.version)
    return row


@transaction.atomic
def change_article(
    *,
    actor: Actor,
    document_id: UUID,
    seen_version: int | None = None,
    **change: Unpack[Change],
) -> Document:
    """Change an article: a new version that answers use at once; earlier answers keep theirs.

    What is left out stays; of a file and a page the days alone can change. Needs `agents.manage_knowledge`; raises
    `NotFound`, `Invalid` with the fields, and `Conflict` for a document that is no article ("not_an_article"), is
    not read yet ("not_ready") or was changed since `seen_version` ("stale_version").
    """
    actor.require(MANAGE)
    row = _locked_document(document_id)
    if row.kind != Document.Kind.ARTICLE and not change.keys() <= DAYS:
        raise Conflict(
            "Only articles can be edited here. Upload the file again, or refresh the site.", code="not_an_article"
        )
    if seen_version not in (None, row.version):
        seen = {"version": row.version, "seen": seen_version}
        raise Conflict(
            "Someone else has changed this article in the meantime. Reload it and try again.",
            code="stale_version",
            **seen,
            **last_change(actor, "agents.document", row.pk),
        )
    if row.state != State.READY:
        raise Conflict("This document isn't searched now. Change it once it is ready.", code="not_ready")
    old_text = text_of(row)
    new_text = change.pop("text", old_text)
    now_said = {name: getattr(row, name) for name in ("language", "address", *DAYS)} | change
    if row.kind == Document.Kind.ARTICLE:
        facts, pieces = _article_facts(change.pop("title", row.title), new_text, now_said)
    else:
        facts, pieces = {**change}, cut(new_text)
        check_fields(day_problems(now_said))
    if new_text == old_text and all(getattr(row, field) == value for field, value in facts.items()):
        return row
    for field, value in facts.items():
        setattr(row, field, value)
    old = row.version
    store_version(row, text=new_text, pieces=pieces, author_id=actor.user_id)
    _record(actor, "DOCUMENT_CHANGED", row, f"version {old}", f"version {row.version}")
    return row


@transaction.atomic
def delete_document(*, actor: Actor, document_id: UUID, seen_version: int | None = None) -> None:
    """Delete a document and its texts; answers keep which version they cited, and the digest of the passage.

    Needs `agents.manage_knowledge`; raises `NotFound`, and `Conflict` as `check_version` does.
    """
    actor.require(MANAGE)
    row = _locked_document(document_id)
    check_version(actor, "agents.document", row, seen_version)
    old = row.state
    delete_row(row)
    _record(actor, "DOCUMENT_DELETED", row, old, row.state)


def delete_row(row: Document) -> None:
    """Take a document out of the search and empty its texts, within the caller's transaction."""
    remove_passages(row)
    DocumentVersion.objects.filter(document=row).update(text="")
    _clear_marks_by(row)
    row.state, row.outdated, row.updated_at = State.DELETED, {}, now()
    row.save(update_fields=["state", "passages", "outdated", "updated_at"])


@transaction.atomic
def keep_document(*, actor: Actor, document_id: UUID) -> Document:
    """Leave a document as it is although a newer one says otherwise; it is no longer marked for that.

    Needs `agents.manage_knowledge`; raises `NotFound`, and `Conflict` for one that isn't marked ("not_outdated").
    """
    actor.require(MANAGE)
    row = _locked_document(document_id)
    if not row.outdated or row.outdated.get("kept"):
        raise Conflict("No newer document says otherwise.", code="not_outdated")
    row.outdated = {**row.outdated, "kept": True}
    row.save(update_fields=["outdated"])
    _record(actor, "DOCUMENT_KEPT", row, newer=row.outdated["newer"])
    return row


def store_version(row: Document, *, text: str, pieces: list[Piece], author_id: UUID | None) -> DocumentVersion:
    """Keep what a document says now as its next version, and search that from now on.

    Within the caller's transaction and with the document locked.
    """
    _clear_marks_by(row)
    row.version += 1
    row.state, row.trouble, row.outdated, row.updated_at = State.READY, "", {}, now()
    version: DocumentVersion = DocumentVersion.objects.create(
        document=row, number=row.version, title=row.title, text=text, digest=digest_of(text), author_id=author_id
    )
    write_passages(row, version, pieces)
    row.save()
    enqueue_after_commit("embed_document", row.pk)
    return version


def _clear_marks_by(row: Document) -> None:
    """Take back that others are outdated by what a document said until now."""
    if row.version:
        Document.objects.filter(outdated__newer=str(row.pk)).update(outdated={})


def text_of(row: Document) -> str:
    """Return what a document says now."""
    version = DocumentVersion.objects.filter(document=row, number=row.version).first()
    return version.text if version else ""


def _locked_document(document_id: UUID) -> Document:
    row = locked(Document, document_id, NO_DOCUMENT)
    if row.state == State.DELETED:
        raise NotFound(NO_DOCUMENT)
    return row


def _save_collection(row: Collection) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Invalid("Some fields are not valid.", fields={"name": ["Another collection has this name."]}) from None


def _collection_facts(name: str, audience: str, description: str) -> dict[str, str]:
    clean = {"name": " ".join(name.split()), "audience": audience, "description": " ".join(description.split())}
    problems = {
        "name": text_problem(clean["name"], NAME_LIMIT, needed=True),
        "audience": "" if audience in Collection.Audience.values else "Choose one from the list.",
        "description": text_problem(clean["description"], ABOUT_LIMIT),
    }
    check_fields(problems)
    return clean


def searched_as(code: str) -> str:
    """Return the language as which documents of a language are searched: that of whole words if we have no other."""
    plain = {"nb": "no", "nn": "no"}.get(code, code)
    return plain if plain in Document.Language.values else Document.Language.OTHER


def language_of(text: str) -> str:
    """Return the language as which a text is searched; English if it doesn't tell."""
    return searched_as(main_language(text) or Document.Language.ENGLISH)


def _article_facts(title: str, text: str, facts: Mapping[str, Any]) -> tuple[dict[str, Any], list[Piece]]:
    """Return the checked fields of an article and its passages; raises `Invalid` with the fields."""
    language = facts.get("language") or language_of(text)
    address = facts.get("address", "").strip()
    clean = {**facts, "title": " ".join(title.split()), "language": language, "address": address}
    pieces = cut(text) if len(text) <= TEXT_LIMIT else []
    problems = {
        "title": text_problem(clean["title"], TITLE_LIMIT, needed=True),
        "text": text_problem(text, TEXT_LIMIT, needed=True) or ("" if pieces else "Write more than a heading."),
        "language": "" if language in Document.Language.values else "Choose one from the list.",
        "address": address_problem(address),
        **day_problems(facts),
    }
    check_fields(problems)
    return clean, pieces


def day_problems(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with the days on which a document is valid, by field."""
    begins, ends = facts.get("valid_from"), facts.get("valid_until")
    return {"valid_until": "This is before its first day." if begins and ends and ends < begins else ""}


def address_problem(address: str) -> str:
    """Return what is wrong with the address of a document, or "": answers link to nothing but the web."""
    if not address:
        return ""
    if clean_text(address, ADDRESS_LIMIT) != address or any(sign.isspace() or sign in '<>"' for sign in address):
        return "Enter an address such as https://shop.example/help."
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        return "Enter an address such as https://shop.example/help."
    return ""


def _record(
    actor: Actor, action: str, row: Collection | Document, old_state: str = "", new_state: str = "", **facts: Any
) -> None:
    chain.record(actor, action, f"agents.{type(row).__name__.lower()}", row.pk, old_state, new_state, facts)
