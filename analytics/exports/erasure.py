"""Erasing a person from exports: files that may hold them, reasons that name them, and the member's schedules."""

from typing import ClassVar

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import Membership
from analytics.exports import jobs
from analytics.exports.sources import PEOPLE, SOURCES
from analytics.models import Export, ExportSchedule
from core.clock import now
from core.privacy.erasure.disclosure import SEALED, owned
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import HANDLERS, Batch, ErasureHandler, Reading, Step, Table, every, window


def _exports(person: Person, after: str, limit: int) -> Batch:
    """Remove the files that were begun before this round; one that is being written is begun again.

    What is begun later reads rows that are empty already, and a file can be exported again.
    """
    sources = [key for key, source in SOURCES.items() if source.has_people or source.has_members]
    sources += PEOPLE.keys()
    moment = now()
    older = Export.objects.filter(source__in=sources, begun_at__lt=person.erasure.round_at or moment)
    rows = older.filter(state__in=[Export.State.DONE, Export.State.RUNNING]).order_by("pk")
    changed = 0
    for key in list(rows.values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            export = rows.select_for_update().filter(pk=key).first()
            if export is None:
                continue
            changed += 1
            if export.state == Export.State.DONE:
                jobs.drop_file(export, state=Export.State.EXPIRED, now=moment)
            else:
                # The fence is raised, so that the worker of now does not take the queue's lease for its own.
                fresh = {"state": Export.State.QUEUED, "lease_until": moment, "fence": export.fence + 1}
                jobs.change(export, file_key=None, **fresh)
    return Batch(changed)


def _of_person(person: Person) -> QuerySet[Export]:
    """Return the exports of all that is held about the person."""
    memberships = Membership.objects.filter(user_id__in=person.ids("users")).values_list("pk", flat=True)
    is_contact = Q(filters__contact__in=person.targets.get("contacts", []))
    return Export.objects.filter(is_contact | Q(filters__member__in=[str(key) for key in memberships]))


def _export_reasons(person: Person, after: str, limit: int) -> Batch:
    """Empty the reasons that the person gave, and those about them; they are encrypted, so each is read."""
    users, of_them = set(person.ids("users")), set(_of_person(person).values_list("pk", flat=True))
    rows, last = window(Export.objects.filter(in_clear=True), after, limit)
    keys = [
        row.pk
        for row in rows
        if (row.reason or row.decision_reason)
        and (
            row.pk in of_them
            or {row.requested_by_id, row.decided_by_id} & users
            or person.is_named_in([row.reason, row.decision_reason])
        )
    ]
    return Batch(Export.objects.filter(pk__in=keys).update(reason="", decision_reason="") if keys else 0, last)


class ExportsErasure(ErasureHandler):
    """Erases what exports keep about a person."""

    order: ClassVar[int] = 52
    purpose: ClassVar[str] = "To hand out lists and answers to people as files, and to know who has them."
    readings: ClassVar[tuple[Reading, ...]] = (
        Reading(
            model="analytics.Export", title="Exports of what is held about you", masked="reason decision_reason",
            shown="state created_at decided_at finished_at", rows=lambda person: every(_of_person(person)),
            unread={"file_key": SEALED},
        ),
        Reading(
            model="analytics.Export", title="Exports that you asked for or decided on",
            shown="source format since until state created_at decided_at finished_at",
            rows=owned(Export, requested_by="users", decided_by="users"),
            unread={"reason decision_reason": "They may say whose data that was."},
        ),
        Reading(
            model="analytics.ExportPiece",
            unread={"content": "Sealed pieces of files, kept for seven days; they are made of what is exported here."},
        ),
    )  # fmt: skip
    tables: ClassVar[tuple[Table, ...]] = (
        Table("analytics.Export", "The file is removed with its key. Fixed values, ids and codes.",
              "reason decision_reason file_key", "source filters ending sha256 error"),
        Table("analytics.ExportPiece", "Rows are removed.", "content", "store"),
        Table("analytics.ExportSchedule", "The organisation's own name; a member's own ones are deleted.",
              kept="name source filters at zone recipients trouble"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("exports", "Files of exports", _exports),
        Step("export_reasons", "Reasons of exports", _export_reasons),
    )

    @classmethod
    def detach(cls, person: Person) -> None:
        users = set(person.ids("users"))
        ExportSchedule.objects.filter(owner_id__in=users).delete()
        for schedule in ExportSchedule.objects.filter(recipients__overlap=list(users)):
            kept = [user_id for user_id in schedule.recipients if user_id not in users]
            ExportSchedule.objects.filter(pk=schedule.pk).update(recipients=kept)


HANDLERS.register("exports", ExportsErasure)
