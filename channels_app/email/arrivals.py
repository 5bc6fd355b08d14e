"""Store an arriving email as it came; the same one, fetched or relayed again, is no second one."""

from typing import Final

from channels_app.email.mailboxes import Inbox
from channels_app.mime import mails, senders
from channels_app.webhooks.deliveries import Arrival, store
from core.privacy.encryption import blind_index
from core.tenancy.scope import tenant_scope

PROVIDER: Final = "mail"
_KEY: Final = "channels_app_inbounddelivery.event_key"
_LINE: Final = "channels_app_inbounddelivery.queue_key"


def keep(inbox: Inbox, raw: bytes, *, door: str) -> bool:
    """Store one email of a mailbox for the worker; False if it is stored already."""
    headers, identity = mails.identity_of(raw)
    found = senders.find_sender(headers, senders.Proof(), inbox.own)
    sender = found.address.address if found else ""
    with tenant_scope(inbox.tenant_id):
        key = mail_key(sender, identity)
        line = blind_index(f"{inbox.account_id}:{sender.lower()}", column=_LINE)
    return store(Arrival(
        provider=PROVIDER, tenant_id=inbox.tenant_id, account_id=inbox.account_id, event_key=key, queue_key=line,
        body=raw, headers={"door": door},
    ))  # fmt: skip


def mail_key(sender: str, identity: str) -> str:
    """Return a mailbox's keyed digest of an email, in the tenant's scope; it outlives erasure, so none comes back."""
    return blind_index(f"{sender.lower()}\n{identity}", column=_KEY)
