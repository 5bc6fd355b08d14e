"""Download the file of an export."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction

from analytics.exports import jobs
from analytics.exports.jobs import State
from analytics.exports.sealed_file import read_pieces
from analytics.exports.sources import source_of
from analytics.exports.writers import CONTENT_TYPES
from analytics.models import Export
from core.actors import Actor
from core.db.locks import locked
from core.errors import Conflict, Refused

WHY_NOT: Final = {
    State.WAITING: "This export waits for a second person.",
    State.QUEUED: "This export is queued. It starts in a moment.",
    State.RUNNING: "This export is still being written.",
    State.FAILED: "This export failed. Start another one.",
    State.CANCELLED: "This export was cancelled. Start another one.",
    State.REFUSED: "This export was refused.",
    State.EXPIRED: "The file of this export was removed. Export it again.",
}


@dataclass(frozen=True)
class ExportFile:
    """A file, opened piece by piece while it is sent."""

    name: str
    content_type: str
    parts: Iterator[bytes]


def download_export(*, actor: Actor, list_export_id: UUID) -> ExportFile:
    """Return the file of an export, to be read in the tenant's scope.

    For the person who requested it, and those a schedule sends it to; they need `analytics.export_data`, the source's
    permission, and for a file in clear `accounts.view_pii`. Audit entry `EXPORT_DOWNLOADED`. Raises Refused, NotFound,
    Conflict (`not_ready`) before it is written and after it was removed.
    """
    actor.require(jobs.USE)
    with transaction.atomic():
        export = locked(Export, list_export_id, jobs.MISSING)
        source_of(export.source).require(actor)
        if not jobs.may_read(actor, export):
            raise Refused("Only the person who requested this export can download it.", code="not_yours")
        if export.in_clear:
            actor.require(jobs.CLEAR)
        if export.state != State.DONE:
            raise Conflict(WHY_NOT[State(export.state)], code="not_ready", state=export.state)
        facts = {"sha256": export.sha256, "rows": export.written, "in_clear": export.in_clear}
        jobs.audit(actor, "EXPORT_DOWNLOADED", export, facts)
    name = f"walker-{export.source}-{export.since:%Y-%m-%d}-{export.until:%Y-%m-%d}.{export.ending}"
    return ExportFile(name, CONTENT_TYPES[export.ending], read_pieces(export))
