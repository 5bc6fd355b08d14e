"""Request exports, decide on those in clear, cancel them, and read how far they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from accounts.privacy.reveals import SHORTEST_REASON
from accounts.selectors import roles_now
from analytics.exports import sealed_file
from analytics.exports.sources import SOURCES, Source, Terms, checked_filters, source_of
from analytics.exports.writers import why_no_format
from analytics.models import Export, ExportSchedule
from core import notices
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock, locked
from core.errors import Conflict, Invalid, Refused, TooMany
from core.jobs.queues import enqueue_after_commit
from core.notices import NoticeKind
from core.text.clean import clean_text
from hitl.exports.approvals import limit_exports

USE: Final = "analytics.export_data"
CLEAR: Final = "accounts.view_pii"
NOTICE: Final = "analytics.exports"
LONGEST: Final = timedelta(days=731)
OPEN_AT_ONCE: Final = 5
ANSWERED_WITHIN: Final = timedelta(days=1)
"""How long an export in clear waits for a second person."""
REQUESTED: Final = "EXPORT_REQUESTED"
GRANTED: Final = "EXPORT_CLEAR_GRANTED"
State = Export.State
UNFINISHED: Final = (State.WAITING, State.QUEUED, State.RUNNING)
MISSING: Final = "This export doesn't exist."


class ExportNotice(NoticeKind):
    """An export is ready, or waits for a second person."""

    label, icon = "Exports", "download"


notices.kinds.register(NOTICE, ExportNotice)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file is asked for: a list, a format, a span whose end is left out, and personal data with a reason."""

    source: str
    format: str
    since: datetime
    until: datetime
    filters: Mapping[str, Any] = field(default_factory=dict)
    in_clear: bool = False
    reason: str = field(default="", repr=False)


def request_export(
    *, actor: Actor, wanted: Wanted, schedule: ExportSchedule | None = None, now: datetime | None = None
) -> Export:
    """Request a file of a list; a worker writes it.

    Needs `analytics.export_data` and the source's own permission. Personal data is masked. In clear it needs
    `accounts.view_pii`, a `reason`, and a second person (`grant_export`), who gets a notice. `until` is not included.
    Audit entry `EXPORT_REQUESTED`. Raises Refused, NotFound (source), Invalid (span, filters, too many rows, Parquet
    that isn't installed), TooMany.
    """
    moment = now or clock_now()
    actor.require(USE)
    person = actor.require_person("Only people can export data.")
    kind, in_clear = SOURCES.get(wanted.source), wanted.in_clear
    kind.require(actor)
    terms = Terms(wanted.since, min(wanted.until, moment), {})
    _check_span(terms)
    if say := why_no_format(wanted.format):
        raise Invalid(say, fields={"format": [say]}, code="format_unavailable")
    terms = replace(terms, filters=checked_filters(kind, wanted.filters))
    if in_clear:
        require_clear(actor, kind, wanted.reason)
    if schedule is None:
        limit_exports(actor)
    total = count_rows(kind, actor, terms)
    export = Export(
        source=wanted.source, format=wanted.format, filters=dict(terms.filters), since=terms.since,
        until=terms.until, in_clear=in_clear, requested_by_id=person, total=total,
        reason=clean_text(wanted.reason, 500) if in_clear else "", schedule=schedule, created_at=moment,
    )  # fmt: skip
    return open_export(actor, export)


def open_export(actor: Actor, export: Export, *, asks: str = CLEAR) -> Export:
    """Save an export whose terms were checked: queued, or in clear waiting for a second person with a permission.

    Raises TooMany.
    """
    moment, in_clear = export.created_at, export.in_clear
    export.state = State.WAITING if in_clear else State.QUEUED
    export.lease_until = None if in_clear else moment
    export.expires_at = moment + ANSWERED_WITHIN if in_clear else None
    with transaction.atomic():
        advisory_lock(f"exports:{actor.user_id}")
        open_ones = Export.objects.filter(requested_by_id=actor.user_id, state__in=UNFINISHED)
        if export.schedule is None and open_ones.count() >= OPEN_AT_ONCE:
            raise TooMany(f"You have {OPEN_AT_ONCE} unfinished exports. Wait until one is ready, or cancel one.")
        export.save(force_insert=True)
        if in_clear:
            notices.leave_for_permission(
                asks, besides=actor.user_id, kind=NOTICE, title="An export in clear waits for a second person",
                link=link_to(export), level="warning", dedupe_key=f"export:{export.pk}:waiting", now=moment,
            )  # fmt: skip
        else:
            enqueue_after_commit("write_export", export.pk)
        audit(actor, REQUESTED, export, {**facts_of(export), "rows": export.total, "in_clear": in_clear})
    return export


def _check_span(terms: Terms) -> None:
    if terms.since >= terms.until:
        raise Invalid("The period ends before it begins.", fields={"until": ["Choose a later day."]})
    if terms.until - terms.since > LONGEST:
        say = f"Export at most {LONGEST.days} days at once."
        raise Invalid(say, fields={"since": [say]})


def require_clear(actor: Actor, kind: type[Source], reason: str) -> None:
    """Check that personal data may be exported in clear, for this reason. Raises Refused, Invalid."""
    actor.require(CLEAR)
    if not kind.has_people:
        raise Invalid("This list has no personal data.", fields={"in_clear": ["Leave this off."]})
    if len(reason.strip()) < SHORTEST_REASON:
        say = "Give a reason for exporting personal data in clear."
        raise Invalid(say, fields={"reason": ["Write a few more words."]})


def count_rows(kind: type[Source], viewer: Actor, terms: Terms) -> int:
    """Return how many rows an export has. Raises Invalid for none, or more than `settings.EXPORT_ROWS`."""
    most = settings.EXPORT_ROWS
    total = kind.count(viewer=viewer, terms=terms, most=most)
    if total > most:
        say = f"There are more than {most:,} rows. Choose a shorter period, or filter the list."
        raise Invalid(say, fields={"since": [say]}, code="too_many_rows", limit=most)
    if not total:
        raise Invalid("There are no rows in this period.", fields={"since": ["Choose another period."]}, code="no_rows")
    return total


def grant_export(*, actor: Actor, list_export_id: UUID, reason: str, now: datetime | None = None) -> Export:
    """Allow another person's export in clear, as the second of four eyes.

    Needs `analytics.export_data`, `accounts.view_pii`, the source's permission, and not to be who requested it. Audit
    entry `EXPORT_CLEAR_GRANTED`. Raises Refused, NotFound, Invalid (short reason), Conflict if it doesn't wait any
    more.
    """
    moment = now or clock_now()
    with transaction.atomic():
        export = _decided(actor, list_export_id, reason, moment, state=State.QUEUED, lease_until=moment)
        enqueue_after_commit("write_export", export.pk)
        audit(actor, GRANTED, export, facts_of(export), old_state=State.WAITING)
    return export


def is_granted(export: Export) -> bool:
    """Return True if the audit log has that an export in clear was requested and, as it is, granted by another."""
    told = {entry.action: entry for entry in chain.chain_of(export._meta.label_lower, export.pk)}
    asked, granted = told.get(REQUESTED), told.get(GRANTED)
    if asked is None or granted is None or not (chain.is_genuine(asked) and chain.is_genuine(granted)):
        return False
    people = (export.requested_by_id, export.decided_by_id)
    return (asked.actor_user_id, granted.actor_user_id) == people and granted.facts == facts_of(export)


def refuse_export(*, actor: Actor, list_export_id: UUID, reason: str, now: datetime | None = None) -> Export:
    """Refuse another person's export in clear.

    Who may and what it raises are as in `grant_export`. Audit entry `EXPORT_CLEAR_REFUSED`; the requester gets a
    notice.
    """
    moment = now or clock_now()
    with transaction.atomic():
        export = _decided(actor, list_export_id, reason, moment, state=State.REFUSED, finished_at=moment)
        tell(export, "Your export in clear was refused", moment)
        audit(actor, "EXPORT_CLEAR_REFUSED", export, facts_of(export), old_state=State.WAITING)
    return export


def _decided(actor: Actor, list_export_id: UUID, reason: str, moment: datetime, **values: Any) -> Export:
    actor.require(USE)
    actor.require(CLEAR)
    actor.require_person("Only a person who is signed in can decide on personal data in clear.", by_key=False)
    if len(reason.strip()) < SHORTEST_REASON:
        raise Invalid("Give a reason for your decision.", fields={"reason": ["Write a few more words."]})
    export = locked(Export, list_export_id, MISSING)
    source_of(export.source).require(actor)
    if export.requested_by_id == actor.user_id:
        raise Refused("You can't decide on your own export. A second person must do it.", code="four_eyes")
    if export.state != State.WAITING:
        raise Conflict("This export doesn't wait for a decision any more.", state=export.state)
    decision = {"decided_by_id": actor.user_id, "decided_at": moment, "decision_reason": clean_text(reason, 500)}
    change(export, **decision, expires_at=None, **values)
    return export


def cancel_export(*, actor: Actor, list_export_id: UUID, now: datetime | None = None) -> Export:
    """Cancel one's own export before it is ready; what is written so far is removed.

    Needs `analytics.export_data`. Audit entry `EXPORT_CANCELLED`. Raises Refused for another person's, NotFound,
    Conflict once it is finished.
    """
    actor.require(USE)
    moment = now or clock_now()
    with transaction.atomic():
        export = locked(Export, list_export_id, MISSING)
        if export.requested_by_id != actor.user_id:
            raise Refused("Only the person who requested this export can cancel it.", code="not_yours")
        if export.state not in UNFINISHED:
            raise Conflict("This export is finished already.", state=export.state)
        old_state = export.state
        drop_file(export, state=State.CANCELLED, now=moment)
        audit(actor, "EXPORT_CANCELLED", export, {"written": export.written}, old_state=old_state)
    return export


def query_exports(*, viewer: Actor) -> QuerySet[Export]:
    """Return the organisation's exports, as a query. Needs `analytics.export_data`.

    Their files are for the person who requested one, and for the recipients of a schedule.
    """
    viewer.require(USE)
    return Export.objects.select_related("schedule")


def change(export: Export, **values: Any) -> None:
    """Write columns of an export that is locked."""
    for name, value in values.items():
        setattr(export, name, value)
    export.save(update_fields=[name.removesuffix("_id") for name in values])


def drop_file(export: Export, *, state: str, now: datetime) -> None:
    """End an export and remove its file and the file's key; a worker that writes it stops."""
    sealed_file.remove_pieces(export, now=now)
    change(export, state=state, file_key=None, lease_until=None, expires_at=None, finished_at=export.finished_at or now)


def may_read(actor: Actor, export: Export) -> bool:
    """Return True if it is the actor's own export, or a schedule sends it to them and they see all teams."""
    if actor.user_id is None or export.requested_by_id == actor.user_id:
        return actor.user_id is not None
    if export.schedule is None or export.in_clear or actor.user_id not in export.schedule.recipients:
        return False
    member = roles_now([actor.user_id]).get(actor.user_id)
    return member is not None and not member.own_only


def facts_of(export: Export) -> dict[str, Any]:
    """Return what the audit log says about an export; filters are fixed values and ids."""
    span = {"since": export.since.isoformat(), "until": export.until.isoformat()}
    return {"source": export.source, "format": export.format, "filters": export.filters, **span}


def audit(actor: Actor, action: str, export: Export, facts: dict[str, Any], old_state: str = "") -> None:
    """Write an audit entry about an export."""
    chain.note(actor, action, export, old_state=old_state, new_state=export.state, **facts)


def link_to(export: Export) -> str:
    """Return the path of the export's page."""
    return reverse("admin:analytics_export_change", args=[export.pk])


def tell(export: Export, title: str, moment: datetime) -> None:
    """Leave the requester a notice about their export."""
    notices.leave(
        people=[export.requested_by_id], kind=NOTICE, title=title, link=link_to(export),
        dedupe_key=f"export:{export.pk}:{export.state}", now=moment,
    )  # fmt: skip


def close_unanswered(*, now: datetime | None = None) -> int:
    """End exports of the tenant in scope that waited too long for a second person; return how many."""
    moment = now or clock_now()
    ended = {"state": State.REFUSED, "error": "unanswered", "finished_at": moment, "expires_at": None}
    return int(Export.objects.filter(state=State.WAITING, expires_at__lte=moment).update(**ended))
