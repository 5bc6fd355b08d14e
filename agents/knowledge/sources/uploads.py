"""Take uploaded files and read them, each in a process of its own with little time and memory."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any, Final, NamedTuple, Unpack
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from agents.knowledge.models import Collection, Document, UploadedFile
from agents.knowledge.services import (
    DAYS,
    MANAGE,
    NO_COLLECTION,
    TITLE_LIMIT,
    Facts,
    address_problem,
    day_problems,
    language_of,
    store_version,
    text_of,
)
from agents.knowledge.sources.passages import cut
from conversations.services import Upload
from core.actors import Actor, system
from core.audit import chain
from core.clock import now
from core.db.locks import locked
from core.errors import Conflict, Invalid, TooLarge, check_fields
from core.files.kinds import BadFile, kind_of
from core.jobs.queues import enqueue_after_commit
from core.observability.logging import get_logger
from core.reliability import lease

log = get_logger(__name__)
LARGEST: Final = 20 * 1024 * 1024
MOST_FILES: Final = 10
"""Files that are uploaded at once, together no larger than one may be."""
SECONDS: Final = 45
"""For reading one file; its process is ended then."""
LEASE: Final = timedelta(minutes=2)
MOST_ATTEMPTS: Final = 3
ANSWER_LIMIT: Final = 24 * 1024 * 1024
READER: Final = Path(__file__).with_name("reader.py")
TROUBLES: Final[Mapping[str, str]] = {
    "encrypted": "The file is protected with a password. Save it without one and upload it again.",
    "scanned": "The PDF holds pictures of text only. Upload one with real text, such as an export from Word.",
    "damaged": "The file is damaged. Export or save it again.",
    "too_many_pages": "The PDF has more than 500 pages. Split it.",
    "too_many_rows": "The table has more than 20,000 rows. Split it.",
    "too_large": "The file unpacks to more than can be read. Split it.",
    "no_text": "There is no text in the file.",
    "too_slow": "Reading took too long. Split the file, or save it in a simpler format.",
}
NO_KIND: Final = "This kind of file can't be read. Upload a PDF, Word (DOCX), HTML, Markdown, text or CSV file."
ENDINGS: Final = (".pdf", ".docx", ".html", ".htm", ".md", ".markdown", ".txt", ".csv")
_BY_TYPE: Final = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/plain": "txt",
    "text/csv": "csv",
}
_BY_ENDING: Final = {".md": "md", ".markdown": "md", ".csv": "csv"}
State = Document.State


class Uploaded(NamedTuple):
    """What became of several files: the documents, and of each other file its name and why, known ones apart."""

    taken: list[Document]
    known: list[str]
    refused: list[str]


def kind_of_file(name: str, content: bytes) -> str:
    """Return what a file is by its bytes; the ending only tells texts apart. Raises `Invalid`."""
    ending = PurePath(name.lower()).suffix
    beginning = content[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if beginning.startswith((b"<!doctype html", b"<html")) or (ending in (".html", ".htm") and b"<" in beginning):
        return "html"
    try:
        kind = _BY_TYPE.get(kind_of(content).content_type, "")
    except BadFile as bad:
        words = {"empty": "The file is empty.", "damaged": TROUBLES["damaged"]}
        problem = words.get(bad.reason, NO_KIND)
        raise Invalid(problem, code=f"file_{bad.reason}", fields={"file": [problem]}) from None
    if not kind:
        raise Invalid(NO_KIND, code="file_unknown", fields={"file": [NO_KIND]})
    return _BY_ENDING.get(ending, kind) if kind == "txt" else kind


def upload_document(
    *,
    actor: Actor,
    collection_id: UUID,
    file: Upload,
    title: str = "",
    is_own: bool | None = None,
    **facts: Unpack[Facts],
) -> Document:
    """Take a file; it is read by a worker in a moment, and agents answer from it then.

    Needs `agents.manage_knowledge`; raises `NotFound`, `TooLarge` above 20 MB, `Invalid` with the fields, and
    `Conflict` for a file that the collection has already ("known_file", with its `document_id`). What a file is, is
    decided by its bytes. Unless it `is_own`, others wrote it: after reading it, an agent requests nothing until
    somebody writes again. Only where this is said, and otherwise than before, a known file is changed instead, with
    all that is said with it. Without a `language` its text tells it, once it is read.
    """
    actor.require(MANAGE)
    if len(file.content) > LARGEST:
        raise TooLarge("The file is larger than 20 MB.", limit=LARGEST)
    kind = kind_of_file(file.name, file.content)
    shown = " ".join((title or PurePath(file.name).stem).replace("\0", "").split())[:TITLE_LIMIT] or "File"
    facts = {"language": "", **facts, "address": facts.get("address", "").strip()}
    problem = "" if facts["language"] in ("", *Document.Language.values) else "Choose one from the list."
    check_fields({"language": problem, "address": address_problem(facts["address"]), **day_problems(facts)})
    with transaction.atomic():
        # One upload at a time: a repeat finds the first one's document.
        collection = locked(Collection, collection_id, NO_COLLECTION)
        same: dict[str, Any] = {"collection": collection, "file_digest": sha256(file.content).hexdigest()}
        row = Document.objects.select_for_update().filter(**same, state__in=(State.READING, State.READY)).first()
        if row is None:
            row = Document(**same, kind=Document.Kind.FILE, title=shown, is_own=bool(is_own), **facts)
            row.save(force_insert=True)
            UploadedFile.objects.create(document=row, kind=kind, content=file.content)
            enqueue_after_commit("read_document", row.pk)
            _record(actor, "DOCUMENT_UPLOADED", row, kind=kind, bytes=len(file.content), is_own=row.is_own)
        elif is_own in (None, row.is_own):
            say = f"This file is in the collection already, as “{row.title}”."
            raise Conflict(say, code="known_file", document_id=str(row.pk))
        else:
            _restate(actor, row, {"is_own": is_own, "title": shown if title else "", **facts})
    return row


def _restate(actor: Actor, row: Document, said: Mapping[str, Any]) -> None:
    """Change what is said of a locked document, as a new version once it was read; what is left empty stays."""
    given = {name: value for name, value in said.items() if value not in ("", None)}
    check_fields(day_problems({name: getattr(row, name) for name in DAYS} | given))
    old = row.version
    for field, value in given.items():
        setattr(row, field, value)
    if row.state == State.READY:
        text = text_of(row)
        store_version(row, text=text, pieces=cut(text), author_id=actor.user_id)
    else:
        row.updated_at = now()
        row.save()
    versions = f"version {old}", f"version {row.version}"
    chain.record(actor, "DOCUMENT_CHANGED", "agents.document", row.pk, *versions, {"is_own": row.is_own})


def upload_documents(
    *,
    actor: Actor,
    collection_id: UUID,
    files: Sequence[Upload],
    title: str = "",
    is_own: bool | None = None,
    **facts: Unpack[Facts],
) -> Uploaded:
    """Take several files; safe to repeat.

    Needs `agents.manage_knowledge`; raises `NotFound`, and `Invalid` for no file, too many, and with the other fields.
    """
    actor.require(MANAGE)
    alone = "Of several files each needs its own: upload them one by one, or leave this empty."
    check_fields(
        {
            "files": f"Choose between one and {MOST_FILES} files." if not 0 < len(files) <= MOST_FILES else "",
            "title": alone if title and len(files) > 1 else "",
            "address": alone if facts.get("address") and len(files) > 1 else "",
        }
    )
    found = Uploaded([], [], [])
    for file in files:
        try:
            row = upload_document(
                actor=actor, collection_id=collection_id, file=file, title=title, is_own=is_own, **facts
            )
        except (Conflict, Invalid, TooLarge) as problem:
            if isinstance(problem, Invalid) and "file" not in problem.facts.get("fields", ()):
                raise
            left_out = found.known if isinstance(problem, Conflict) else found.refused
            left_out.append(f"“{PurePath(file.name).name}”: {problem.detail}")
        else:
            if row.version:
                known = f"This file is in the collection already, as “{row.title}”. What you said of it is saved."
                found.known.append(f"“{PurePath(file.name).name}”: {known}")
            else:
                found.taken.append(row)
    return found


def read_document(*, document_id: UUID) -> str:
    """Read an uploaded file and search it from then on; return its state, "" if another worker has it.

    For workers only. The bytes are deleted when it was read or can't be.
    """
    file = lease.claim(UploadedFile.objects.filter(document_id=document_id), LEASE, attempts=F("attempts") + 1)
    if file is None:
        return ""
    found = {"error": "too_slow"} if file.attempts > MOST_ATTEMPTS else read_file(file.kind, bytes(file.content))
    with transaction.atomic():
        row = locked(Document, document_id)
        if lease.lost(file):
            return ""
        file.delete()
        if row.state != State.READING:
            return str(row.state)
        error = str(found.get("error", ""))
        if error:
            row.state, row.trouble, row.updated_at = State.FAILED, error[:40], now()
            row.save(update_fields=["state", "trouble", "updated_at"])
        else:
            text = str(found["text"])
            row.language = row.language or language_of(text)
            store_version(row, text=text, pieces=cut(text), author_id=None)
        _record(system("agents"), "DOCUMENT_READ", row, passages=row.passages, trouble=error)
    return str(row.state)


def read_file(kind: str, content: bytes) -> dict[str, Any]:
    """Return the text of a file, or `error` with one of the codes of `TROUBLES`.

    A hostile file can only end the process that reads it: that has 30 s of CPU, 768 MB of memory and no file to write.
    """
    command = [sys.executable, "-I", str(READER), kind]
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    try:
        done = subprocess.run(
            command,
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a hostile file can make a library say megabytes
            timeout=SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": "too_slow"}
    if done.returncode or len(done.stdout) > ANSWER_LIMIT:
        # Ended by its own limits, or by a defect of a library: the words of either are not for people.
        log.warning("file_not_read", kind=kind, code=done.returncode)
        return {"error": "too_slow" if done.returncode < 0 else "damaged"}
    found: dict[str, Any] = json.loads(done.stdout)
    if "error" in found and found["error"] not in TROUBLES:
        return {"error": "damaged"}
    return found


def list_unread() -> list[tuple[UUID, UUID]]:
    """Return tenant and document of files that no worker is reading. For the sweep."""
    moment = now()
    unqueued = Q(lease_until__isnull=False) | Q(created_at__lt=moment - timedelta(minutes=1))
    found = lease.list_free(UploadedFile, unqueued, "document_id", now=moment)
    return [(tenant_id, document_id) for tenant_id, _, document_id in found]


def _record(actor: Actor, action: str, row: Document, **facts: Any) -> None:
    chain.record(actor, action, "agents.document", row.pk, new_state=row.state, facts=facts)
