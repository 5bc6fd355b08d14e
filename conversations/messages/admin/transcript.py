"""The transcript of a page: messages and requests in one order, masked unless revealed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from console.names import name_in
from conversations.inbox.threads.selectors import FormerText, NoteRow
from conversations.messages import attachments
from conversations.messages.files.kinds import KINDS
from conversations.messages.selectors.failures import Failure
from conversations.messages.selectors.messages import MessageRow
from conversations.models import Attachment, Message

PLACES: Final = {
    "customer": "wk-turn-in",
    "agent": "wk-turn-out",
    "person": "wk-turn-out wk-turn-person",
    "system": "wk-turn-system",
}


CHOICE: Final = "Choice"
"""What a button, a row of a list or a form is called in the transcript."""
FAILURES: Final = {
    "erased": "deleted",
    "expired": "deleted: it was kept long enough",
    "executable": "refused: it could run as a program",
    "markup": "refused: it holds markup that a browser would run",
    "disguised": "refused: something else is hidden in it",
    "archive": "refused: archives aren't kept",
    "damaged": "refused: it is damaged",
    "empty": "refused: it is empty",
    "too_many_pixels": "refused: it has too many pixels",
    "type_refused": "refused: this kind isn't kept",
    "unknown": "refused: its kind can't be told",
    "too_large": "refused: it is too large",
}


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file of a message as the transcript shows it; `name` only while the messages are revealed."""

    pk: UUID
    label: str
    size: int
    state: str
    problem: str = ""
    name: str = ""
    width: int = 0
    height: int = 0
    has_preview: bool = False


AUTOMATIC: Final = {
    "auto_reply": "Automatic reply",
    "bounce": "Bounced email",
    "list": "From a mailing list",
    "loop": "Answers of a program",
}


@dataclass(frozen=True, slots=True)
class MailLine:
    """What the transcript shows of an email beside its text; `notes` are short remarks about its sender."""

    subject: str
    quoted: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One line of the transcript: a message, or a request that was made."""

    at: datetime
    place: str = ""
    who: str = ""
    text: str = ""
    status: str = ""
    approval: Any = None
    chip: str = ""
    files: tuple[FileLine, ...] = ()
    id: UUID | None = None
    failure: Failure | None = None
    mail: MailLine | None = None
    figures: tuple[Any, ...] = ()
    sources: tuple[dict[str, Any], ...] = ()
    run: UUID | None = None
    in_reply_to: str = ""


@dataclass(frozen=True, slots=True)
class NoteLine:
    """A note as the page shows it; `own_text` is its whole text for its author, while it can be changed."""

    id: UUID
    at: datetime
    who: str
    text: str
    edited_at: datetime | None = None
    former: Sequence[FormerText] = ()
    own_text: str = ""


def turns_of(rows: Iterable[MessageRow], *, customer: str = "Customer", shows_runs: bool = False) -> list[Turn]:
    """Return turns with names and files. `customer` is the other side; `shows_runs` links what explains answers."""
    found = list(rows)
    files: dict[UUID, tuple[FileLine, ...]] = {}
    if with_files := {row.id: row.clear for row in found if row.media}:
        attached = Attachment.objects.filter(message__in=with_files).defer("content", "source", "file_key")
        for attachment in attached.order_by("id"):
            line = _file_line(attachment, clear=with_files[attachment.message_id])
            files[attachment.message_id] = (*files.get(attachment.message_id, ()), line)
    turns = [_turn(row, files.get(row.id, ()), customer) for row in found]
    if not shows_runs:
        return turns
    return [replace(turn, run=_run(row)) for turn, row in zip(turns, found, strict=True)]


def _file_line(file: Attachment, *, clear: bool) -> FileLine:
    kind = KINDS.get(file.content_type)
    return FileLine(
        pk=file.pk,
        label=kind.label if kind else file.content_type or "File",
        size=file.size,
        state=file.state,
        problem=FAILURES.get(file.error, f"download failed ({file.error})"),
        name=file.filename if clear else "",
        width=file.width,
        height=file.height,
        has_preview=clear and attachments.can_be_previewed(file),
    )


def notes_of(rows: Iterable[NoteRow], own: Mapping[UUID, str], names: Mapping[UUID, str]) -> list[NoteLine]:
    """Return the notes of colleagues with their `names`; `own` are the texts that the viewer may change."""
    return [
        NoteLine(
            row.id,
            row.created_at,
            name_in(names, row.author_id, otherwise="An API client"),
            row.text,
            row.edited_at,
            row.former,
            own.get(row.id, ""),
        )
        for row in rows
    ]


def merge_turns(turns: list[Turn], asked: Iterable[Turn], *, is_cut: bool, is_earlier: bool = False) -> list[Turn]:
    """Return messages and requests in one order; on a partial page only requests between its messages."""
    start = turns[0].at if turns and is_cut else None
    end = turns[-1].at if turns and is_earlier else None
    kept = [turn for turn in asked if (start is None or turn.at >= start) and (end is None or turn.at <= end)]
    return sorted([*turns, *kept], key=lambda turn: turn.at)


def _run(row: MessageRow) -> UUID | None:
    """Return the id of the run that wrote an agent's answer; None for all else."""
    found = row.metadata.get("run") if row.sender_type == "agent" else None
    try:
        return UUID(str(found)) if found else None
    except ValueError:
        return None


def _turn(row: MessageRow, files: tuple[FileLine, ...], customer: str) -> Turn:
    text, is_ours = row.text, row.direction == Message.Direction.OUT
    mail = None
    if row.mail:
        notes = (AUTOMATIC.get(row.mail.automatic, ""), "" if row.mail.is_proven or is_ours else "Sender not verified")
        mail = MailLine(row.mail.subject, row.mail.quoted, tuple(filter(None, notes)))
    if mail and mail.subject:
        # The first message of a thread begins with the subject, which has its own line here.
        text = text.removeprefix(mail.subject).lstrip("\n")
    if row.content_type != Message.ContentType.TEXT and not files:
        label = (
            CHOICE
            if row.content_type == Message.ContentType.INTERACTIVE
            else Message.ContentType(row.content_type).label
        )
        text = f"[{label}] {text}".strip()
    status = Message.Status(row.status).label if is_ours else ""
    match row.sender_type:
        case "person":
            who = row.sender_name or "A colleague"
        case "agent":
            name = row.sender_name.replace("_", " ").strip()
            who = "Agent" if name.lower() in ("", "agent") else f"Agent {name}"
        case "customer":
            who = customer
        case _:
            who = ""
    place = PLACES[row.sender_type]
    figures = tuple(row.metadata.get("figures") or ()) if row.direction == Message.Direction.OUT else ()
    found = row.metadata.get("sources") if row.sender_type == "agent" else None
    sources = tuple(found) if isinstance(found, list) else ()
    return Turn(
        row.created_at, place, who, text, status,
        files=files, id=row.id, failure=row.failure, mail=mail, figures=figures, sources=sources,
        in_reply_to=row.in_reply_to,
    )  # fmt: skip
