"""The bytes of files: sealed, in the database or in a store outside it, and removed from there."""

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Sum

from conversations.messages.files.rules import MB
from conversations.messages.models import SealedFile
from conversations.models import Attachment, CannedFile, FileRemoval
from core.clock import now as clock_now
from core.errors import Conflict, Unavailable
from core.observability.logging import get_logger
from core.privacy import sealed_files
from core.reliability import limits, loose_cache
from core.tenancy.scope import current_tenant_id, platform_scope

log = get_logger(__name__)
ABANDONED: Final = timedelta(hours=1)
"""After this a file whose row was never written is removed from its store."""
PAUSE: Final = timedelta(minutes=10)
BATCH: Final = 50
EXPIRED: Final = "expired"
CONTENT_FIELDS: Final = ("content", "store", "file_key", "digest", "size")
EMPTY: Final = {"content": None, "file_key": None, "store": "", "digest": "", "size": 0}
"""The columns of a file whose bytes are gone."""
MEASURED: Final = "storage"
MEASURE_AFTER: Final = 3600.0


def measure_storage() -> None:
    """Add up the files of the organisation in scope, at most once an hour: it reads a row of each. For the sweep."""
    key = f"{current_tenant_id()}:storage"
    if loose_cache.find(f"{key}:fresh", what=MEASURED):
        return
    sums = [model.objects.aggregate(total=Sum("size"))["total"] or 0 for model in (Attachment, CannedFile)]
    # The number outlasts its hour: until the sweep comes again it still counts.
    loose_cache.keep(key, sum(sums), seconds=2 * MEASURE_AFTER, what=MEASURED)
    loose_cache.keep(f"{key}:fresh", True, seconds=MEASURE_AFTER, what=MEASURED)


class StorageLimit(limits.Limit):
    """Megabytes of the files of messages and canned replies, as last measured."""

    label, unit = "Megabytes of files", "MB of files"
    measure = staticmethod(measure_storage)
    way_out = "You can still write without files. Ask your operator for a larger tier."

    def used(self) -> int | None:
        """Return what was measured last, None where that is lost or nobody has measured yet."""
        found = loose_cache.find(f"{current_tenant_id()}:storage", what=MEASURED)
        return None if found is None else found // MB


limits.kinds.register("storage", StorageLimit)


def write_content(file: SealedFile, content: bytes) -> None:
    """Seal the bytes of a file and set its columns, unsaved; call it outside any transaction.

    With a store outside, the bytes are there before the row is, and `claim_content` belongs into the row's transaction.
    Raises `Unavailable` ("file_unavailable") if the store doesn't take it.
    """
    file.size, file.digest = len(content), hashlib.sha256(content).hexdigest()
    store = sealed_files.outside()
    if store is None:
        file.content = base64.b64encode(content).decode()
        return
    file.content, file.store, file.file_key = None, store.name, sealed_files.new_key()
    FileRemoval.objects.update_or_create(
        file_id=file.pk, defaults={"store": store.name, "due_at": clock_now() + ABANDONED}
    )
    sealed = sealed_files.seal_file(content, key=file.file_key, file_id=file.pk)
    try:
        store.put(sealed_files.key_of(file.pk), sealed)
    except sealed_files.StoreFailed as problem:
        log.error("file_not_stored", file=str(file.pk), problem=str(problem))
        raise Unavailable("Files can't be stored right now. Try again in a moment.", code=sealed_files.GONE) from None


def claim_content(files: Iterable[SealedFile]) -> None:
    """Note in the rows' transaction that their bytes are in use."""
    stored = [file.pk for file in files if file.store]
    if stored:
        FileRemoval.objects.filter(file_id__in=stored).delete()


def read_content(file: Attachment) -> bytes:
    """Return the bytes of a stored file; call it outside any transaction.

    Raises `Conflict` ("not_stored") if they aren't here, `Unavailable` if their store doesn't answer.
    """
    if file.state != Attachment.State.STORED:
        raise Conflict("This file isn't available.", code="not_stored", state=file.state)
    return open_content(file)


def open_content(file: SealedFile) -> bytes:
    """Return the bytes that a row holds or names; call it outside any transaction.

    Raises `Conflict` ("not_stored") if it has none, `Unavailable` if their store doesn't answer.
    """
    if file.content is None and not file.store:
        raise Conflict("This file isn't available.", code="not_stored")
    if not file.store:
        return base64.b64decode(file.content)
    try:
        sealed = sealed_files.store_of(file.store).get(sealed_files.key_of(file.pk))
    except sealed_files.StoreFailed as problem:
        log.error("file_not_read", file=str(file.pk), problem=str(problem))
        raise Unavailable("This file can't be read right now. Try again in a moment.", code=sealed_files.GONE) from None
    return sealed_files.open_file(sealed, key=file.file_key or "", file_id=file.pk)


def plan_removal(files: Iterable[SealedFile]) -> None:
    """Have the bytes of these files removed from their stores, once the current transaction is committed."""
    for file in files:
        if file.store:
            FileRemoval.objects.update_or_create(
                file_id=file.pk, defaults={"store": file.store, "due_at": clock_now(), "attempts": 0}
            )


def plan_removal_of(files: Iterable[tuple[UUID, str]], *, due_at: datetime) -> None:
    """Have files of other apps removed from their stores, given as (file, store)."""
    rows = [FileRemoval(file_id=file_id, store=store, due_at=due_at) for file_id, store in files]
    FileRemoval.objects.bulk_create(rows, ignore_conflicts=True)


def list_removals_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, removal) of the files to remove; for the sweep."""
    with platform_scope():
        due = FileRemoval.objects.filter(due_at__lte=now or clock_now()).order_by("due_at")
        return list(due.values_list("tenant_id", "id")[:BATCH])


def remove_file(*, removal_id: UUID, now: datetime | None = None) -> bool:
    """Remove a file from its store; a failure is repeated later. For the worker."""
    moment = now or clock_now()
    due = FileRemoval.objects.filter(pk=removal_id, due_at__lte=moment)
    # The claim also waits for a transaction that is just writing the file's row.
    if not due.update(due_at=moment + PAUSE):
        return False
    removal = FileRemoval.objects.filter(pk=removal_id).first()
    if removal is None:
        return False
    rows = (model.objects.filter(pk=removal.file_id).exclude(store="") for model in (Attachment, CannedFile))
    if not any(found.exists() for found in rows):
        try:
            sealed_files.store_of(removal.store).remove(sealed_files.key_of(removal.file_id))
        except (sealed_files.StoreFailed, Unavailable) as problem:
            log.warning("file_not_removed", file=str(removal.file_id), problem=str(problem))
            FileRemoval.objects.filter(pk=removal_id).update(attempts=min(removal.attempts + 1, 30_000))
            return False
    FileRemoval.objects.filter(pk=removal_id).delete()
    return True
