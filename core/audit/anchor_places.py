"""Places outside the database to which anchors are written, and how far each of them has got."""

import fcntl
import json
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from core import notices
from core.audit import anchors
from core.audit.selectors import VIEW
from core.clock import now as clock_now
from core.models import AnchorDelivery, AuditAnchor, AuditHead
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope

log = get_logger(__name__)
NOTICE: Final = "audit_anchor"
CHAIN: Final = "chain"
"""The place of trouble with the chain itself: it could not be anchored."""
AT_ONCE: Final = 100
plain_log: Final = logging.getLogger("walker.audit_anchor")
"""Its lines are written as they are: the mask of other logs would take some hashes for numbers of cards."""


notices.register_kind(NOTICE, "Audit log", "alert")


class NotDelivered(Exception):
    """Anchors could not be written; the text says why, without secrets."""


class AnchorPlace(ABC):
    """A place outside the database. Writing the same anchor twice must be harmless."""

    name: ClassVar[str]

    @abstractmethod
    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write anchors, in order; raises `NotDelivered` unless all of them are kept."""


class FilePlace(AnchorPlace):
    """Appends a JSON line for each anchor to a file."""

    name = "file"

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append the lines and wait until the disk has them."""
        content = b"".join(line_of(row) + b"\n" for row in rows)
        try:
            with self._path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NotDelivered(f"The file can't be written: {error.strerror or 'unknown error'}.") from error


class LogPlace(AnchorPlace):
    """Writes each anchor as a log line `audit_anchor`, for a collector that keeps logs elsewhere."""

    name = "log"

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write one line for each anchor."""
        for row in rows:
            plain_log.info(json.dumps({"event": "audit_anchor", "level": "info", "anchor": row}, sort_keys=True))


_factories: dict[str, Callable[[], AnchorPlace | None]] = {}


def register(name: str, make: Callable[[], AnchorPlace | None]) -> None:
    """Register what makes a place from the settings, or returns None if it isn't set up."""
    _factories[name] = make


register(FilePlace.name, lambda: FilePlace(settings.AUDIT_ANCHOR_FILE) if settings.AUDIT_ANCHOR_FILE else None)
register(LogPlace.name, lambda: LogPlace() if settings.AUDIT_ANCHOR_LOG else None)


def places() -> list[AnchorPlace]:
    """Return the places that are set up."""
    made = (make() for make in _factories.values())
    return [place for place in made if place is not None]


def line_of(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def anchor_tenant(*, now: datetime | None = None) -> None:
    """Anchor the chain in scope and write what is new to every place; trouble is told once to who reads the log."""
    moment = now or clock_now()
    try:
        anchors.extend(now=moment)
    except anchors.BrokenChain as error:
        _note_failure(CHAIN, f"{error}.", moment)
    else:
        _note_success(CHAIN, moment)
    for place in places():
        _deliver(place, moment)


def _deliver(place: AnchorPlace, moment: datetime) -> None:
    done = AnchorDelivery.objects.filter(place=place.name).values_list("delivered", flat=True).first() or 0
    if done and not AuditAnchor.objects.filter(number=done).exists():
        _note_failure(place.name, "More counted as written than there were. All are written again.", moment)
        done = 0
    while rows := list(AuditAnchor.objects.filter(number__gt=done).order_by("number")[:AT_ONCE]):
        try:
            place.write([anchors.as_json(row) for row in rows])
        except NotDelivered as error:
            _note_failure(place.name, str(error), moment)
            return
        done = rows[-1].number
        _note_success(place.name, moment, delivered=done)


def _note_success(place: str, moment: datetime, **values: int) -> None:
    fresh = {"failing_since": None, "problem": "", "delivered_at": moment, **values}
    AnchorDelivery.objects.update_or_create(place=place, defaults=fresh)


def _note_failure(place: str, problem: str, moment: datetime) -> None:
    log.error("audit_anchor_failed", place=place, problem=problem)
    with transaction.atomic():
        row, _ = AnchorDelivery.objects.select_for_update().get_or_create(place=place)
        since = row.failing_since or moment
        AnchorDelivery.objects.filter(pk=row.pk).update(failing_since=since, problem=problem[:200])
        notices.leave_for_permission(
            VIEW,
            kind=NOTICE,
            title="The audit log could not be verified" if place == CHAIN else "The audit log could not be anchored",
            body=problem if place == CHAIN else f"Its anchors can't be written to the {place}. {problem}",
            link=reverse("admin:core_auditentry_changelist"),
            level="alert",
            dedupe_key=f"{NOTICE}:{place}:{since.isoformat()}",
            now=moment,
        )


def tenants() -> list[UUID]:
    """Return the tenants that have an audit log, for the sweep: ids of rows, no row of anyone."""
    with platform_scope():
        return list(AuditHead.objects.order_by("tenant_id").values_list("tenant_id", flat=True))


def count_failing() -> float:
    """Count the places of all tenants to which anchors can't be written. For metrics only."""
    with platform_scope():
        return float(AnchorDelivery.objects.filter(failing_since__isnull=False).count())
