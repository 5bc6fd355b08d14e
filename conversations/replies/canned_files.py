"""Files of canned replies: checked and sealed as those of messages, kept with the reply, and sent with it."""

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db.models import QuerySet, Sum

from conversations.messages import file_contents
from conversations.messages.attachments import File
from conversations.messages.files.rules import EVERY_KIND, LARGEST, MOST, Upload, checked_files, spoken_size
from conversations.models import CannedFile, CannedReply
from core.db.rows import get_or_missing
from core.errors import Invalid
from core.reliability import limits

SEALED = ("content", "file_key")
GONE = "A file of this canned reply was removed. Choose the reply again."


def prepare_files(uploads: Sequence[Upload]) -> list[CannedFile]:
    """Check and seal files and return their rows, unsaved and without a reply.

    Call it outside any transaction. Raises `Invalid` for what no channel carries, `Unavailable` if the store is, and
    `Conflict` ("limit_reached") beyond what the organisation's tier stores.
    """
    if uploads:
        limits.refuse_reached("storage")
    rows = [
        CannedFile(
            content_type=file.found.content_type, width=file.found.width, height=file.found.height, filename=file.name
        )
        for file in checked_files(uploads, EVERY_KIND)
    ]
    for row, upload in zip(rows, uploads, strict=True):
        file_contents.write_content(row, upload.content)
    return rows


def change_files(reply: CannedReply, *, add: Sequence[CannedFile], remove: Collection[UUID]) -> None:
    """Put prepared files to a locked reply, and take others away.

    In the caller's transaction. Raises `Invalid` for more than fit into one message.
    """
    if remove:
        drop_files(CannedFile.objects.filter(reply=reply, pk__in=remove))
    if not add:
        return
    kept = CannedFile.objects.filter(reply=reply)
    if kept.count() + len(add) > MOST:
        raise _refused(f"A canned reply has at most {MOST} files.")
    total = (kept.aggregate(total=Sum("size"))["total"] or 0) + sum(row.size for row in add)
    if total > LARGEST:
        raise _refused(f"The files are larger than {spoken_size(LARGEST)} together.")
    for row in add:
        row.reply = reply
    CannedFile.objects.bulk_create(add)
    file_contents.claim_content(add)


def drop_files(rows: QuerySet[CannedFile]) -> None:
    """Delete files with their bytes, wherever those are; in the caller's transaction."""
    file_contents.plan_removal(rows.defer(*SEALED))
    rows.delete()


def read_file(replies: QuerySet[CannedReply], reply_id: UUID, file_id: UUID) -> File:
    """Return a file of one of these replies in clear. Raises `NotFound`, `Conflict` ("not_stored"), `Unavailable`."""
    rows = CannedFile.objects.filter(pk=file_id, reply_id=reply_id, reply__in=replies.order_by())
    row = get_or_missing(rows, "There is no such file.")
    return File(row.filename, row.content_type, file_contents.open_content(row))


def uploads_of(replies: QuerySet[CannedReply], file_ids: Sequence[UUID]) -> list[Upload]:
    """Return files as uploads, in no transaction. Raises `Invalid` if one is gone, `Unavailable`."""
    wanted = list(dict.fromkeys(file_ids))
    if not wanted:
        return []
    rows = {row.pk: row for row in CannedFile.objects.filter(pk__in=wanted, reply__in=replies.order_by())}
    if len(rows) < len(wanted):
        raise Invalid(GONE, fields={"canned_files": [GONE]})
    return [Upload(rows[pk].filename, file_contents.open_content(rows[pk])) for pk in wanted]


def uploads_of_reply(reply: CannedReply) -> list[Upload]:
    """Return all files of a reply as somebody would upload them; call it outside any transaction."""
    rows = CannedFile.objects.filter(reply=reply).order_by("created_at", "id")
    return [Upload(row.filename, file_contents.open_content(row)) for row in rows]


def _refused(problem: str) -> Invalid:
    return Invalid(problem, code="too_many_files", fields={"files": [problem]})
