"""What mail keeps of people: to whom it went, and what it said about whom."""

from __future__ import annotations

from typing import ClassVar, Final
from uuid import UUID

from django.db.models import Q

from accounts.models import Invitation
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import HANDLERS, Batch, ErasureHandler, Step, Table, among, window
from hitl.models import Notification
from integrations.mail.forgetting import CONTENT
from integrations.mail.invitations import TYPE as INVITATION
from integrations.mail.notifier import TYPE
from integrations.mail.services import digest_of
from integrations.models import MailDelivery

Status = MailDelivery.Status
NOBODY: Final = {"masked_address": "erased", "address_digest": "erased"}


def _to_person(person: Person, after: str, limit: int) -> Batch:
    """Drop content and address of the mails that went to the person."""
    rows = MailDelivery.objects.filter(_to_him(person)).exclude(status=Status.SENDING).exclude(address_digest="erased")
    found, last = window(rows.only("pk"), after, limit)
    return Batch(_forgotten([row.pk for row in found], **NOBODY), last)


def _to_him(person: Person) -> Q:
    digests = [digest_of(address) for address in person.addresses if "@" in address]
    return Q(address_digest__in=digests) | Q(user_id__in=person.ids("users"))


def _about_person(person: Person, after: str, limit: int) -> Batch:
    """Drop what other mails say when they are about his requests, name him as inviter, or hold an address of his."""
    rows, last = among(MailDelivery.objects.filter(text__isnull=False).exclude(status=Status.SENDING), after, limit)
    about = _notices_of(person, rows)
    return Batch(_forgotten([row.pk for row in rows if _tells(person, row, about)]), last)


def _forgotten(keys: list[UUID], **more: str) -> int:
    """Drop the content; a mail that still waits is not sent, one that was just taken to be handed over is left."""
    if not keys:
        return 0
    rows = MailDelivery.objects.filter(pk__in=keys).exclude(status=Status.SENDING)
    rows.filter(status=Status.QUEUED).update(status=Status.FAILED, error="erased", due_at=None)
    return int(rows.update(**dict.fromkeys(CONTENT), **more))


def _notices_of(person: Person, rows: list[MailDelivery]) -> set[UUID]:
    refs = [row.ref for row in rows if row.type == TYPE and row.ref]
    wanted = Notification.objects.filter(pk__in=refs, approval_id__in=person.ids("approvals"))
    offered = Invitation.objects.filter(
        pk__in=[row.ref for row in rows if row.type == INVITATION], invited_by_id__in=person.ids("users")
    )
    return {*wanted.values_list("pk", flat=True), *offered.values_list("pk", flat=True)}


def _tells(person: Person, row: MailDelivery, about: set[UUID]) -> bool:
    return row.ref in about or any(person.is_meant_in(getattr(row, name)) for name in ("subject", "text", "html"))


class MailErasure(ErasureHandler):
    """The part of mail."""

    order: ClassVar[int] = 70
    tables: ClassVar[tuple[Table, ...]] = (
        Table("integrations.MailDelivery", "That a mail was sent, and its delivery status.",
              " ".join((*CONTENT, *NOBODY)), "type key queued_by provider provider_message_id error"),
        Table("integrations.MailCount", "A type and a day.", kept="type day"),
        Table("integrations.ProviderAccount", "The organisation's own accounts.", kept="name credentials"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("mails", "Mails to the person", _to_person),
        Step("mails_about", "Mails about the person", _about_person),
    )

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """A mail to or about the person that is being handed over comes back with its outcome; others do not matter."""
        sending = MailDelivery.objects.filter(status=Status.SENDING, due_at__isnull=False)
        if sending.filter(_to_him(person)).exists():
            return ["mail_on_its_way"]
        rows = list(sending)
        about = _notices_of(person, rows)
        return ["mail_on_its_way"] if any(_tells(person, row, about) for row in rows) else []


HANDLERS.register("integrations", MailErasure)
