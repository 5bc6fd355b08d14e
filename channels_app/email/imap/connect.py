"""Read a mail account's emails from a mailbox by IMAP."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from channels_app.email import mailboxes
from channels_app.email.connect import MailConnect
from channels_app.email.imap import reads
from channels_app.kit.connect import CHANGE
from channels_app.models import MailboxProgress
from conversations.models import ChannelAccount
from conversations.services import accounts
from core.actors import Actor
from core.clock import now
from core.db.locks import locked
from core.errors import Invalid
from integrations.imap import ImapTrouble
from integrations.mail.errors import describe_error
from integrations.mail.providers.routes import PROVIDER

_HOST: Final = re.compile(r"(?=.{1,190}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
SECURITY: Final = ("tls", "starttls")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxSettings:
    """How a mailbox is read; an empty password stays unchanged."""

    host: str
    port: int
    security: str
    user: str
    password: str = field(default="", repr=False)
    folder: str = "INBOX"
    checked_by: str = ""
    plus_addresses: bool = False

    def as_credentials(self, kept: Mapping[str, Any]) -> dict[str, object]:
        """Return them as an account keeps them."""
        return {
            "imap_host": self.host.strip().lower(),
            "imap_port": self.port,
            "imap_security": self.security,
            "imap_user": self.user.strip(),
            "imap_password": self.password or str(kept.get("imap_password") or ""),
            "imap_folder": self.folder.strip() or "INBOX",
            "imap_checked_by": self.checked_by.strip().lower(),
            "plus_addresses": self.plus_addresses,
        }


def connect_mailbox(
    *, actor: Actor, name: str = "", address: str = "", account_id: UUID | None = None, **settings: Any
) -> ChannelAccount:
    """Read a mailbox by IMAP from now on, after signing in to it once, by the `MailboxSettings`.

    With an account's id its emails are read from there, otherwise a new account is made. `checked_by` names the
    server whose Authentication-Results count as proof of a sender. Who knows the password could put in emails
    in anyone's name, so the actor may not approve requests that come by this mailbox. Needs
    `channels_app.change_channelaccount`; raises `NotFound`, `Conflict`, and `Invalid` with the field.
    """
    actor.require(CHANGE)
    before = MailConnect.find(account_id) if account_id else None
    kept = (before.credentials or {}) if before else {}
    where = before.address if before else address.strip().lower()
    given = MailboxSettings(**settings).as_credentials(kept)
    _check_mailbox(where, given)
    server = reads.server_of(given)
    try:
        with reads.open_mailbox(server) as mailbox:  # type: ignore[arg-type]  # it has a host
            # What is there already stays there, and is never listed.
            read_to = {"uid_validity": mailbox.uid_validity, "last_uid": mailbox.newest_uid()}
    except ImapTrouble as trouble:
        field = {"imap_login": "password", "imap_folder": "folder"}.get(trouble.code, "host")
        raise Invalid(describe_error(trouble.code), fields={field: [describe_error(trouble.code)]}) from None
    with transaction.atomic():
        # Read again and locked: somebody may have made a secret while the mailbox was tried.
        kept = (locked(ChannelAccount, before.pk).credentials or {}) if before else {}
        account = accounts.connect_channel(
            actor=actor,
            kind=mailboxes.KIND,
            provider=before.provider if before else ChannelAccount.Provider.IMAP,
            name=(before.name if before and not name else name) or where,
            address=where,
            provider_account=PROVIDER if before and before.provider == mailboxes.PROVIDER else "",
            credentials={**kept, **given},
            account_id=before.pk if before else None,
        )
        is_other = any(kept.get(one) != given[one] for one in ("imap_host", "imap_user", "imap_folder"))
        fresh = {**read_to, "since": now()} if is_other else {}
        MailboxProgress.objects.update_or_create(
            channel_account=account, defaults={**fresh, "due_at": now(), "failures": 0}
        )
    return account


def _check_mailbox(address: str, given: dict[str, object]) -> None:
    """Raise `Invalid` with the field that is wrong."""
    wrong: dict[str, list[str]] = {}
    try:
        validate_email(address)
    except ValidationError:
        wrong["address"] = ["Enter an email address."]
    if not _HOST.fullmatch(str(given["imap_host"])):
        wrong["host"] = ["Enter a host name like imap.example.com."]
    if given["imap_security"] not in SECURITY or not 0 < int(str(given["imap_port"])) < 65_536:
        wrong["port"] = ["Use port 993 with TLS, or 143 with STARTTLS."]
    for name in ("user", "password", "folder", "checked_by"):
        text = str(given[f"imap_{name}"])
        if not (text.isascii() and text.isprintable()) or (not text and name != "checked_by"):
            wrong[name] = ["Use printable characters without accents."]
    if wrong:
        raise Invalid("This mailbox can't be read with these settings.", fields=wrong)
