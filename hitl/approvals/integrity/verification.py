"""Find requests that were changed, removed or put back outside the application."""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef

from core.audit import chain
from core.models import AuditEntry
from hitl.approvals.integrity import seals
from hitl.models import Approval, OverrideReview
from hitl.policy.limits.cap_reservations import changed_reservations
from hitl.seals.verification import broken_rules

PAGE: Final = 500


def broken_requests() -> Iterator[tuple[str, str]]:
    """Yield (reference, what was changed) of the tenant's requests, in order, then those that are gone."""
    for page in pages():
        broken = find_broken(page)
        yield from ((approval.reference, broken[approval.pk]) for approval in page if approval.pk in broken)
    yield from removed_requests()


def pages() -> Iterator[list[Approval]]:
    """Yield the tenant's requests in order, a page at a time."""
    rows = Approval.objects.order_by("id")
    page = list(rows[:PAGE])
    while page:
        yield page
        page = list(rows.filter(pk__gt=page[-1].pk)[:PAGE])


def find_broken(approvals: Sequence[Approval]) -> dict[UUID, str]:
    """Return what was changed, by approval; intact ones are left out. Four queries.

    A request that had ended before there were seals has none, and its audit entries say nothing of one.
    """
    ids = [approval.pk for approval in approvals]
    rows, entries = seals.load_rows(ids), seals.newest_entries(ids)
    found = {}
    for approval in approvals:
        entry = entries.get(approval.pk)
        facts: dict[str, Any] = {}
        if entry is not None:
            # An entry that the application did not write may hold anything.
            facts = entry.facts if chain.is_genuine(entry) else {seals.FACT: ""}
        if facts.get(seals.TAMPERED):
            found[approval.pk] = str(facts[seals.TAMPERED])
        elif approval.seal or approval.is_open or seals.FACT in facts:
            what = seals.first_broken(approval, rows[approval.pk], entry)
            found |= {approval.pk: what} if what else {}
    return found


def removed_requests() -> Iterator[tuple[str, str]]:
    """Yield (id, what happened) of requests that have audit entries and are not in the table."""
    told = AuditEntry.objects.filter(object_type=seals.REQUEST, action="APPROVAL_PROPOSE")
    gone = told.exclude(Exists(Approval.objects.filter(pk=OuterRef("object_id"))))
    for entry in gone.order_by("seq").iterator(chunk_size=PAGE):
        yield f"request {entry.object_id}", "it was removed"


def changed_reviews() -> Iterator[tuple[str, str]]:
    """Yield the emergency approvals whose review was removed, or closed by nobody that the audit log has."""
    told = AuditEntry.objects.filter(object_type=seals.REQUEST, action="APPROVAL_OVERRIDE").order_by("seq")
    overridden = {(entry.object_id, entry.facts["revision"]) for entry in told.iterator() if chain.is_genuine(entry)}
    reviews = OverrideReview.objects.filter(approval_id__in={key for key, _ in overridden})
    found = {(review.approval_id, review.revision): review for review in reviews}
    for key, revision in sorted(overridden):
        review = found.get((key, revision))
        if review is None:
            yield f"emergency review of request {key}", "it was removed"
        elif review.closed_at is not None:
            closed = chain.last_of(review._meta.label_lower, review.pk)
            if closed is None or not chain.is_genuine(closed) or closed.actor_user_id != review.closed_by_id:
                yield f"emergency review of request {key}", "it was closed outside the application"


BESIDE_REQUESTS: Final = (changed_reviews, changed_reservations, broken_rules)
"""The checks of what belongs to requests and rules them: `verify_audit` and `verify_approvals` run these."""
