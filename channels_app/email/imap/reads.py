"""Read mailboxes by IMAP: each new email is stored like one from a webhook, once."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import F

from channels_app.email import arrivals, mailboxes
from channels_app.models import MailboxProgress
from conversations.models import ChannelAccount
from conversations.services import accounts
from core.clock import now
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope
from integrations.imap import ImapMailbox, ImapServer, ImapTrouble

log = get_logger(__name__)

PAUSE: Final = timedelta(seconds=60)
LONGEST_PAUSE: Final = timedelta(hours=1)
LEASE: Final = timedelta(minutes=3)
BATCH: Final = 50
LISTED: Final = 500
LONGEST: Final = timedelta(seconds=40)
MAILBOXES: Final = 100


def list_due() -> list[tuple[UUID, UUID]]:
    """Return (tenant, channel account) of the mailboxes to read, the longest waiting first."""
    with platform_scope():
        due = MailboxProgress.objects.filter(
            due_at__lte=now(), channel_account__is_active=True, channel_account__paused_at=None
        )
        return list(due.order_by("due_at").values_list("tenant_id", "channel_account_id")[:MAILBOXES])


def read_mailbox(account_id: UUID) -> int:
    """Store the new emails of a mailbox and return how many were new; errors are recorded on the account.

    The claim keeps others away until its lease ends. An email counts as read once it is stored, so one whose
    worker dies is fetched again and recognised.
    """
    rows = MailboxProgress.objects.filter(channel_account_id=account_id, due_at__lte=now())
    if not rows.update(due_at=now() + LEASE):
        return 0
    progress: MailboxProgress = MailboxProgress.objects.select_related("channel_account").get(
        channel_account_id=account_id
    )
    account = progress.channel_account
    server = server_of(account.credentials)
    if server is None or not account.is_active or account.paused_at is not None:
        return 0
    try:
        with open_mailbox(server) as mailbox:
            return _read(mailbox, progress, account)
    except ImapTrouble as trouble:
        log.warning("mailbox_not_read", account=str(account_id), code=trouble.code)
        accounts.note_trouble(account_id=account_id, code=trouble.code)
        pause = min(PAUSE * 2 ** min(progress.failures, 10), LONGEST_PAUSE)
        _save(progress, due_at=now() + pause, failures=F("failures") + 1)
        return 0


def server_of(credentials: Any) -> ImapServer | None:
    """Return the IMAP server of a mail account, or None if it isn't read by IMAP."""
    kept = credentials or {}
    if not kept.get("imap_host"):
        return None
    return ImapServer(
        host=str(kept["imap_host"]),
        port=int(kept.get("imap_port") or 993),
        user=str(kept.get("imap_user") or ""),
        password=str(kept.get("imap_password") or ""),
        folder=str(kept.get("imap_folder") or "INBOX"),
        starttls=kept.get("imap_security") == "starttls",
    )


def open_mailbox(server: ImapServer) -> ImapMailbox:
    """Return the mailbox, to be entered; raises `ImapTrouble` then."""
    return ImapMailbox(server, limit=settings.MAIL_BYTES, private_hosts=settings.IMAP_PRIVATE_HOSTS)


def _read(mailbox: ImapMailbox, progress: MailboxProgress, account: ChannelAccount) -> int:
    started, stored = now(), 0
    if progress.uid_validity != mailbox.uid_validity:
        # The server has numbered its emails again: those that are known are recognised by their keys.
        progress.uid_validity, progress.last_uid = mailbox.uid_validity, 0
        _save(progress, uid_validity=mailbox.uid_validity, last_uid=0)
    inbox = mailboxes.inbox_of(account)
    last, fetched = progress.last_uid, 0
    while listed := mailbox.list_after(last, most=LISTED):
        for one in listed:
            if fetched >= BATCH or now() - started > LONGEST:
                _save(progress, last_uid=last, due_at=now())
                return stored
            # Servers tell the time in whole seconds; one without a time may be new.
            if one.arrived_at is None or one.arrived_at >= progress.since - timedelta(seconds=1):
                raw = mailbox.fetch(one)
                fetched += 1
                if raw is not None:
                    stored += arrivals.keep(inbox, raw, door=mailboxes.IMAP)
                _save(progress, last_uid=one.uid)
            last = one.uid
        _save(progress, last_uid=last)
    _save(progress, due_at=now() + PAUSE, checked_at=now(), failures=0)
    accounts.clear_trouble(account_id=account.pk, prefix="imap_")
    return stored


def _save(progress: MailboxProgress, **facts: Any) -> None:
    MailboxProgress.objects.filter(pk=progress.pk).update(**facts)
