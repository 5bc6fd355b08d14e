"""Erasing a person from outgoing mail, as recipient and in its content; and reading it for an export of one."""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final
from uuid import UUID

from django.db.models import Q

from accounts.models import Invitation
from core.privacy.erasure.disclosure import DIGEST, SAME, each_once
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import (
    BATCH,
    HANDLERS,
    Batch,
    ErasureHandler,
    Partner,
    Reading,
    Step,
    Table,
    among,
    every,
    window,
)
from hitl.models import Notification
from integrations.mail.invitations import TYPE as INVITATION
from integrations.mail.notifier import TYPE
from integrations.mail.retention import CONTENT
from integrations.mail.services import digest_of
from integrations.models import MailDelivery

Status = MailDelivery.Status
NOBODY: Final = {"masked_address": "erased", "address_digest": "erased"}


def _to_person(person: Person, after: str, limit: int) -> Batch:
    """Blank content and address of mails to the person."""
    rows = MailDelivery.objects.filter(_addressed_to(person))
    rows = rows.exclude(status=Status.SENDING).exclude(address_digest="erased")
    batch, last = window(rows.only("pk"), after, limit)
    return Batch(_blank([row.pk for row in batch], **NOBODY), last)


def _addressed_to(person: Person) -> Q:
    digests = [digest_of(address) for address in person.addresses if "@" in address]
    return Q(address_digest__in=digests) | Q(user_id__in=person.ids("users"))


def _about_person(person: Person, after: str, limit: int) -> Batch:
    """Blank the content of other mails about the person's requests or invitations, or with their address."""
    rows, last = among(MailDelivery.objects.filter(text__isnull=False).exclude(status=Status.SENDING), after, limit)
    about = _list_refs(person, rows)
    return Batch(_blank([row.pk for row in rows if _mentions(person, row, about)]), last)


def _list_mails(person: Person, after: str, limit: int) -> Batch:
    """Count other mails with the name: names are not unique, and the mail was sent."""
    if not person.names:
        return Batch()
    rows, last = among(MailDelivery.objects.filter(text__isnull=False), after, limit)
    return Batch(last=last, kept=sum(person.is_named_in([row.subject, row.text, row.html]) for row in rows))


def _blank(keys: list[UUID], **more: str) -> int:
    """Blank the content; queued mails are not sent, mails being sent stay as they are."""
    if not keys:
        return 0
    rows = MailDelivery.objects.filter(pk__in=keys).exclude(status=Status.SENDING)
    rows.filter(status=Status.QUEUED).update(status=Status.FAILED, error="erased", due_at=None)
    return int(rows.update(**dict.fromkeys(CONTENT), **more))


def _list_refs(person: Person, rows: list[MailDelivery]) -> set[UUID]:
    refs = [row.ref for row in rows if row.type == TYPE and row.ref]
    notifications = Notification.objects.filter(pk__in=refs, approval_id__in=person.ids("approvals"))
    invitations = Invitation.objects.filter(
        pk__in=[row.ref for row in rows if row.type == INVITATION], invited_by_id__in=person.ids("users")
    )
    return {*notifications.values_list("pk", flat=True), *invitations.values_list("pk", flat=True)}


def _mentions(person: Person, row: MailDelivery, about: set[UUID]) -> bool:
    return row.ref in about or any(person.is_meant_in(getattr(row, name)) for name in ("subject", "text", "html"))


def _mails_to(person: Person) -> Iterable[MailDelivery]:
    return every(MailDelivery.objects.filter(_addressed_to(person)).defer("html"))


def _mails_about(person: Person) -> Iterator[MailDelivery | None]:
    """Yield mails to others that mention the person or are about their requests, as an erasure finds them."""
    after, more = "", True
    while more:
        rows, after = among(MailDelivery.objects.filter(text__isnull=False), after, BATCH)
        about = _list_refs(person, rows)
        yield from (row for row in rows if _mentions(person, row, about))
        yield None
        more = bool(after)


READINGS: Final = (
    Reading(
        model="integrations.MailDelivery", title="Mails to you, and mails to colleagues about you",
        shown="type queued_at sent_at delivered_at opened_at clicked_at status",
        masked="address subject text reply_to headers", rows=each_once(_mails_to, _mails_about),
        unread={"html": "The text again, with its layout.", "masked_address": SAME, "address_digest": DIGEST},
        kept="The content for {MAIL_DAYS} days, that it was sent for {MAIL_ROWS_DAYS}.",
    ),
)  # fmt: skip


class MailErasure(ErasureHandler):
    """Erases what outgoing mail keeps about a person."""

    order: ClassVar[int] = 70
    purpose: ClassVar[str] = "To send mails, and to know whether they arrived."
    readings: ClassVar[tuple[Reading, ...]] = READINGS
    tables: ClassVar[tuple[Table, ...]] = (
        Table("integrations.MailDelivery", "That a mail was sent, and its delivery status.",
              " ".join((*CONTENT, *NOBODY)), "type key provider provider_message_id error"),
        Table("integrations.MailCount", "A type and a day.", kept="type day"),
        Table("integrations.WebhookSubscription", "What the organisation's own servers hear of.",
              kept="name event_types"),
        Table("integrations.AuditDestination", "Where the organisation's audit log goes, and how far it has got.",
              kept="name address token authority sent_hash last_error"),
        Table("integrations.ProviderAccount", "The organisation's own accounts.",
              kept="name provider credentials external_id external_name choices last_error last_error_about "
                   "paused_reason"),
        Table("integrations.ConsentRequest", "That somebody went to a vendor's page; removed after a day.",
              kept="session state verifier provider name"),
        Table("integrations.ProviderCall", "What was called and how it ended, without contents.",
              kept="operation idempotency_key"),
        Table("integrations.SyncCursor", "How far a connection was read.",
              kept="stream position digest last_error"),
        Table("integrations.MirroredAdCampaign", "The organisation's own ad campaigns, and which colleague changed "
              "them.", kept="key name status daily_budget currency changed changed_by"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("mails", "Mails to the person", _to_person),
        Step("mails_about", "Mails about the person", _about_person),
        Step("mails_still_naming", "Other mails that hold the name", _list_mails, only_looks=True),
    )

    @classmethod
    def partners(cls, person: Person) -> Iterable[Partner]:
        """Return who carried the mails to the person."""
        sent = MailDelivery.objects.filter(_addressed_to(person)).exclude(provider="").order_by("provider")
        return [Partner(name, "Mails to you", got=True) for name in sent.values_list("provider", flat=True).distinct()]

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """Return whether a mail to or about the person is being sent: its outcome will still be written."""
        sending = MailDelivery.objects.filter(status=Status.SENDING, due_at__isnull=False)
        if sending.filter(_addressed_to(person)).exists():
            return ["mail_on_its_way"]
        rows = list(sending)
        about = _list_refs(person, rows)
        return ["mail_on_its_way"] if any(_mentions(person, row, about) for row in rows) else []


HANDLERS.register("integrations", MailErasure)
