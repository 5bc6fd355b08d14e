"""Write a note for colleagues on a request, and tell those who are mentioned."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from accounts.permissions import shares
from accounts.selectors import list_members
from core import notices
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid
from core.privacy.erasure.person import GONE
from core.reliability.rate_limit import limit_per_hour
from core.tenancy.scope import current_tenant_id
from core.text.clean import can_be_stored
from core.text.mentions import mentioned_in
from hitl.domain.permissions import CANCEL
from hitl.models import Approval, ApprovalNote
from hitl.selectors.approvals import VIEW

LIMIT: Final = 2000
MENTIONS_MAX: Final = 10
NOTES_MAX: Final = 500
NOTES_PER_HOUR: Final = 120
"""Notes of one person within an hour, on all requests: each may ring the bells of ten colleagues."""


class MentionNotice(notices.NoticeKind):
    """Notices that somebody was mentioned in a note."""

    label, icon = "Mention", "chat"


notices.kinds.register("mention", MentionNotice)


def add_note(
    *, actor: Actor, approval_id: UUID, text: str, mentions: Collection[UUID] = (), now: datetime | None = None
) -> ApprovalNote:
    """Write a note that only colleagues see, on a request in any state.

    Who may: people (an API key's included) with `hitl.view_approval`, and those who it is shared with to act.
    Mentioned are the people in `mentions` and those whose full name stands in the text after an `@`; each gets one
    notice. The note decides nothing. Audited without
    its text. Raises Refused, NotFound, Invalid (text, mentions), Conflict (`erased`, `too_many_notes`),
    TooMany after 120 notes within an hour.
    """
    is_shared = not actor.may(VIEW) and actor.has_share(shares.APPROVAL, CANCEL)
    if not is_shared:
        actor.require(VIEW)
    person = actor.require_person("Only people write notes.")
    body, moment = _checked(text), now or clock_now()
    colleagues = {member.user_id: member.user.get_full_name() for member in list_members(permission=VIEW)}
    people = _mentioned(body, mentions, colleagues)
    say = f"You can write {NOTES_PER_HOUR} notes an hour. Try again later."
    limit_per_hour(f"{current_tenant_id()}:notes:{actor.user_id}", limit=NOTES_PER_HOUR, sentence=say)
    with transaction.atomic():
        # Locked, so that an erasure of the request either finds the note or is found here.
        rows = Approval.objects.select_for_update(no_key=True).filter(pk=approval_id)
        if is_shared:
            rows = rows.filter(pk__in=shares.shared_ids(actor, shares.APPROVAL, CANCEL))
        approval = get_or_missing(rows.only("tenant_id", "reference", "payload", "people"))
        if approval.payload == GONE:
            raise Conflict("This request has been erased, so notes can't be added.", code="erased")
        if ApprovalNote.objects.filter(approval_id=approval_id)[NOTES_MAX - 1 : NOTES_MAX].exists():
            raise Conflict(f"A request can have {NOTES_MAX} notes at most.", code="too_many_notes")
        note: ApprovalNote = ApprovalNote.objects.create(
            approval_id=approval_id,
            person_id=person,
            body=body,
            masked_body=approval.masked(body),
            mentions=people,
            created_at=moment,
        )
        notices.leave(
            people=[one for one in people if one != person],
            kind="mention",
            title=f"You were mentioned in a note on {approval.reference}",
            link=f"{reverse('admin:hitl_approval_change', args=[approval_id])}#h-notes",
            dedupe_key=f"mention:{note.pk}",
            now=moment,
        )
        # About the note, not the approval: the entries of that one are its transitions.
        chain.note(actor, "NOTE_ADDED", note, approval=str(approval_id), mentions=[str(person) for person in people])
    return note


def _checked(text: str) -> str:
    body = text.strip()
    problem = ""
    if not body:
        problem = "Write something first."
    elif len(body) > LIMIT:
        problem = f"Use at most {LIMIT} characters."
    elif not can_be_stored(body):
        problem = "The text has a character that can't be stored."
    if problem:
        raise Invalid(problem, fields={"text": [problem]})
    return body


def _mentioned(body: str, chosen: Collection[UUID], colleagues: Mapping[UUID, str]) -> list[UUID]:
    if any(person not in colleagues for person in chosen):
        problem = "Choose colleagues who can view approvals."
        raise Invalid(problem, fields={"mentions": [problem]})
    people = sorted({*chosen, *mentioned_in(body, colleagues)})
    if len(people) > MENTIONS_MAX:
        problem = f"Mention at most {MENTIONS_MAX} people."
        raise Invalid(problem, fields={"mentions": [problem]})
    return people
