"""Write the files of exports: one at a time on an installation, from the beginning after a crash."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts.services import actor_for_user
from analytics.exports import jobs, mails, sealed_file
from analytics.exports.jobs import State
from analytics.exports.people.archive import ArchiveWriter
from analytics.exports.sealed_file import PieceSink
from analytics.exports.sources import Failed, PersonSource, Terms, source_of
from analytics.exports.writers import WRITERS, FileWriter, has_parquet
from analytics.models import ARCHIVE, Export, Format
from core.actors import Actor, system
from core.clock import now as clock_now
from core.db import replica
from core.errors import NotFound, Refused
from core.observability.logging import get_logger
from core.privacy import sealed_files
from core.privacy.retention.holds import Held
from core.privacy.retention.registry import RULES, RetentionRule
from core.privacy.retention.services import kept_days
from core.privacy.sealed_files import StoreFailed
from core.reliability import lease
from core.tenancy.scope import platform_scope

log = get_logger(__name__)
AT_ONCE: Final = 1_000
"""Rows that are read and written together."""
LEASE: Final = timedelta(minutes=2)
RENEWED_EVERY: Final = 5.0
"""Seconds after which a worker says that it is still at it, and learns whether it still has the export."""
KEPT: Final = timedelta(days=7)
MOST_ATTEMPTS: Final = 3
BATCH: Final = 100
PREFIX: Final = "walker-export-"
ABANDONED: Final = 6 * 3600.0
"""Seconds after which a folder that a killed worker left is removed."""
WRITER: Final = system("exports")


class Lost(Exception):
    """Somebody else has the export, or it was cancelled."""


def list_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, export) of exports to write, oldest first: new ones, lost tasks and crashes. For the sweep."""
    due = Q(state__in=[State.QUEUED, State.RUNNING], lease_until__isnull=False)
    return lease.list_free(Export, due, order="lease_until", limit=BATCH, now=now)


def is_writing(*, now: datetime | None = None) -> bool:
    """Return True while a worker writes an export, of any tenant: the other workers are for other work."""
    with platform_scope():
        return bool(Export.objects.filter(state=State.RUNNING, lease_until__gt=now or clock_now()).exists())


def write_export(*, export_id: UUID, now: datetime | None = None) -> Export | None:
    """Write the file of one export; return None if another worker has it or it isn't due.

    For the worker, in the tenant's scope and outside a transaction. What it may read is asked again: it fails with a
    code if its person may not any more. Audit entry `EXPORT_WRITTEN` or `EXPORT_FAILED`.
    """
    export = _claim(export_id, now or clock_now())
    if export is None:
        return None
    try:
        return _write(export)
    except Lost:
        log.info("export_lost", export=str(export_id))
        return None
    except Failed as problem:
        return _fail(export, str(problem))
    except StoreFailed as problem:
        log.error("export_not_stored", export=str(export_id), problem=str(problem))
        return _again_or_fail(export, "store")


def _claim(export_id: UUID, moment: datetime) -> Export | None:
    export: Export | None = lease.claim(
        Export.objects.select_related("requested_by", "schedule").filter(pk=export_id),
        LEASE,
        where=Q(state__in=[State.QUEUED, State.RUNNING], lease_until__isnull=False),
        now=moment,
        state=State.RUNNING,
        attempts=F("attempts") + 1,
        written=0,
        begun_at=moment,
        file_key=None,
    )
    if export is None:
        return None
    sealed_file.remove_pieces(export, now=moment)
    if export.attempts > MOST_ATTEMPTS:
        _fail(export, "interrupted")
        return None
    return export


def _write(export: Export) -> Export | None:
    reader, source = _reader(export), source_of(export.source)
    if export.format == Format.PARQUET and not has_parquet():
        raise Failed("no_parquet")
    export.file_key = sealed_files.new_key()
    _keep(export, file_key=export.file_key)
    sink = PieceSink(export, export.file_key)
    with _private_folder() as folder:
        written_by = ArchiveWriter if export.format == ARCHIVE else WRITERS[export.format]
        writer = written_by(sink, source.columns, folder)
        try:
            # Who was erased before it began isn't in it: the replica must have replayed that.
            with replica.reads_after_now():
                for lines in _lines(export, reader):
                    writer.write(lines)
            _keep(export, lease_until=clock_now() + LEASE * 5)
            writer.close()
        finally:
            writer.release()
    sink.finish()
    return _finish(export, writer, sink)


def _reader(export: Export) -> Actor:
    """Return the person behind the export with the rights they have now. Raises Failed."""
    try:
        reader = actor_for_user(export.requested_by)
        reader.require(jobs.USE)
        if export.in_clear:
            reader.require(jobs.CLEAR)
        source_of(export.source)
    except (Refused, NotFound):
        raise Failed("not_allowed") from None
    if export.in_clear and not jobs.is_granted(export):
        log.error("export_not_granted", export=str(export.pk))
        raise Failed("not_granted")
    return reader


def _lines(export: Export, reader: Actor) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows in pages, and say how far they are. Raises Failed, Lost."""
    source = source_of(export.source)
    terms = Terms(export.since, export.until, export.filters)
    renewed = time.monotonic()
    try:
        for page in source.pages(viewer=reader, terms=terms, size=AT_ONCE):
            export.written += len(page)
            if export.written > settings.EXPORT_ROWS:
                raise Failed("too_many_rows")
            lines = partial(source.lines, page, in_clear=export.in_clear)
            yield lines() if issubclass(source, PersonSource) else replica.read(lines, as_of=terms.until)
            if time.monotonic() - renewed > RENEWED_EVERY:
                renewed = time.monotonic()
                _keep(export, written=export.written, lease_until=clock_now() + LEASE)
    except Refused:
        raise Failed("not_allowed") from None


def _keep(export: Export, **values: Any) -> None:
    """Write columns of an export that is still this worker's. Raises Lost."""
    if not lease.held(export).filter(state=State.RUNNING).update(**values):
        raise Lost


def _finish(export: Export, writer: FileWriter, sink: PieceSink) -> Export:
    moment = clock_now()
    with transaction.atomic():
        _keep(
            export, state=State.DONE, written=export.written, total=export.written, size=sink.size,
            ending=writer.ending, sha256=sink.digest.hexdigest(), lease_until=None, finished_at=moment,
            expires_at=moment + timedelta(days=kept_days("exports") or KEPT.days), error="",
        )  # fmt: skip
        export.refresh_from_db()
        if export.schedule is None:
            jobs.tell(export, "Your export is ready", moment)
        else:
            mails.send_links(export)
        facts = {"rows": export.written, "bytes": export.size, "sha256": export.sha256, "in_clear": export.in_clear}
        jobs.audit(WRITER, "EXPORT_WRITTEN", export, facts, old_state=State.RUNNING)
    return export


def _fail(export: Export, code: str) -> Export | None:
    moment = clock_now()
    with transaction.atomic():
        try:
            _keep(export, state=State.FAILED, error=code, lease_until=None, finished_at=moment, file_key=None)
        except Lost:
            return None
        export.refresh_from_db()
        sealed_file.remove_pieces(export, now=moment)
        jobs.tell(export, "Your export failed", moment)
        jobs.audit(WRITER, "EXPORT_FAILED", export, {"reason": code}, old_state=State.RUNNING)
    return export


def _again_or_fail(export: Export, code: str) -> Export | None:
    """Let the sweep try it again a little later, at most `MOST_ATTEMPTS` times."""
    if export.attempts >= MOST_ATTEMPTS:
        return _fail(export, code)
    again = clock_now() + timedelta(minutes=1)
    lease.release(export, until=again, where=Q(state=State.RUNNING), state=State.QUEUED, error=code)
    return None


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Make a folder for what lies between reading and sealing; one that a killed worker left is removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if left.is_dir() and time.time() - left.stat().st_mtime > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        yield Path(folder)


def tenants_with_unanswered(*, now: datetime | None = None) -> list[UUID]:
    """Return the tenants that have exports nobody decided on in time. For the sweep."""
    with platform_scope():
        old = Export.objects.filter(state=State.WAITING, expires_at__lte=now or clock_now())
        return list(old.order_by().values_list("tenant_id", flat=True).distinct())


class ExportFiles(RetentionRule):
    """Removes the files of exports; that they were made stays."""

    order: ClassVar[int] = 90
    title: ClassVar[str] = "Exports"
    what: ClassVar[str] = "Files of exports go with their keys. Who made which, when and why stays."
    tables: ClassVar[str] = "analytics.Export analytics.ExportPiece"
    batch: ClassVar[int] = BATCH

    @classmethod
    def limit(cls) -> int | None:
        """Return for how long they are kept at most."""
        return KEPT.days

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[Export]:  # noqa: ARG003
        """Return exports that still have a file."""
        return Export.objects.filter(state=State.DONE, finished_at__lt=before)

    @classmethod
    def remove(cls, keys: Sequence[UUID]) -> int:
        """Remove the files of locked exports."""
        for export in Export.objects.filter(pk__in=keys):
            jobs.drop_file(export, state=State.EXPIRED, now=clock_now())
        return len(keys)


RULES.register("exports", ExportFiles)
