"""Find a tenant's mailbox by the key in its webhook address, and what its emails are checked against."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from channels_app.exchanges.log import BY_IMAP
from conversations.models import ChannelAccount
from core.tenancy import lookups
from core.tenancy.scope import tenant_scope

KIND = ChannelAccount.Kind.EMAIL
# The name under which we write down what Inbound Parse checked.
INBOUND_PARSE: Final = "inbound-parse.walker.invalid"
# The two doors for emails; each names the server whose checks of a sender count.
PARSE: Final = "inbound_parse"
IMAP: Final = BY_IMAP
SECRETS: Final = ("inbound_secret", "secondary_inbound_secret")
PROVIDER = ChannelAccount.Provider.SENDGRID
CHANNEL: Final = {"kind": KIND, "provider": PROVIDER}


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mail account as its webhook needs it."""

    tenant_id: UUID
    account_id: UUID
    keys: tuple[str, ...] = field(default=(), repr=False)


def find_mailbox(key: str) -> Mailbox | None:
    """Return the active mail account of this key, or None."""
    if not key.isprintable():  # the database cannot hold such a key
        return None
    for row in lookups.find("account_by_key", key):
        with tenant_scope(row["tenant_id"]):
            account = ChannelAccount.objects.filter(pk=row["id"], provider=PROVIDER, is_active=True).first()
            if account is not None:
                return Mailbox(account.tenant_id, account.pk, keys_of(account.credentials))
    return None


def keys_of(credentials: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the public keys that may verify this account's events, the current one first."""
    kept = credentials or {}
    names = ("event_public_key", "secondary_event_public_key")
    return tuple(text for name in names if (text := str(kept.get(name) or "").strip()))


@dataclass(frozen=True, slots=True)
class Inbox:
    """A mailbox as its arriving emails need it, with our own addresses."""

    tenant_id: UUID
    account_id: UUID
    own: frozenset[str] = field(repr=False)


def inbox_of(account: ChannelAccount) -> Inbox:
    """Return a mailbox, in its tenant's scope. All are ours: two that answered each other would never end."""
    addresses = ChannelAccount.objects.filter(kind=KIND, is_active=True).values_list("address", flat=True)
    own = (account.address, *addresses, parseaddr(settings.MAIL_FROM)[1])
    return Inbox(account.tenant_id, account.pk, frozenset(one.lower() for one in own if one))


def find_inbox(secret: str) -> tuple[Inbox | None, list[tuple[UUID, UUID]]]:
    """Return the mailbox of an inbound address, or None with the accounts (tenant, account) it may have meant."""
    key, _, token = secret.partition(".")
    meant: list[tuple[UUID, UUID]] = []
    if not (key.isprintable() and key.isascii() and token.isascii()):
        return None, meant
    for row in lookups.find("account_by_key", key):
        with tenant_scope(row["tenant_id"]):
            account = ChannelAccount.objects.filter(pk=row["id"], kind=KIND, is_active=True).first()
            if account is None:
                continue
            meant.append((account.tenant_id, account.pk))
            kept = account.credentials or {}
            known = [text for name in SECRETS if (text := str(kept.get(name) or ""))]
            if any(hmac.compare_digest(one.encode(), token.encode()) for one in known):
                return inbox_of(account), meant
    return None, meant


def checked_by(account: ChannelAccount, door: str) -> str:
    """Return the name of the server whose checks count for emails that came by this door; "" for none."""
    return INBOUND_PARSE if door == PARSE else str((account.credentials or {}).get("imap_checked_by") or "")
