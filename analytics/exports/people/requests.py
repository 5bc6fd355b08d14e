"""Request the export of a contact or a member; a second person agrees as to any export in clear."""

from datetime import datetime
from uuid import UUID

from analytics.exports.jobs import USE, open_export, require_clear
from analytics.exports.people.subjects import ContactSubject, MemberSubject
from analytics.exports.sources import PersonSource
from analytics.models import ARCHIVE, Export
from core.actors import Actor
from core.clock import now as clock_now
from core.text.clean import clean_text


def export_contact(*, actor: Actor, contact_id: UUID, reason: str, now: datetime | None = None) -> Export:
    """Request an archive of what is held about a contact; it starts once a second person agrees (`grant_export`).

    Needs `analytics.export_data`, `accounts.view_pii` and `conversations.erase_contact`. Audit entry
    `EXPORT_REQUESTED`. Raises Refused, NotFound, Invalid (short reason), TooMany, and Conflict for a contact who was
    erased ("erased") or merged into another contact ("merged", with their `contact_id`).
    """
    return _export(actor, ContactSubject, contact_id, reason, now)


def export_member(*, actor: Actor, membership_id: UUID, reason: str, now: datetime | None = None) -> Export:
    """Request an archive of what is held about a member, also a former one; the rest is as in `export_contact`.

    Needs `analytics.export_data`, `accounts.view_pii` and `accounts.erase_member`.
    """
    return _export(actor, MemberSubject, membership_id, reason, now)


def _export(actor: Actor, source: type[PersonSource], subject_id: UUID, reason: str, moment: datetime | None) -> Export:
    moment = moment or clock_now()
    actor.require(USE)
    person = actor.require_person("Only people can export data.")
    source.require(actor)
    require_clear(actor, source, reason)
    since = source.since(subject_id)
    export = Export(
        source=source.subject, format=ARCHIVE, filters={source.subject: str(subject_id)}, since=since, until=moment,
        in_clear=True, requested_by_id=person, reason=clean_text(reason, 500), created_at=moment,
    )  # fmt: skip
    return open_export(actor, export, asks=source.permission)
