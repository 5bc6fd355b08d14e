"""Let a mail account receive emails by SendGrid's Inbound Parse."""

import re
import secrets
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from channels_app.email import mailboxes
from channels_app.email.connect import MailConnect
from channels_app.kit.connect import CHANGE
from conversations.models import ChannelAccount
from conversations.services import accounts
from core.actors import Actor
from core.db.locks import locked
from core.errors import Invalid
from integrations.mail.providers.routes import PROVIDER

_DOMAIN: Final = re.compile(r"(?=.{4,190}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


@transaction.atomic
def open_inbound(*, actor: Actor, account_id: UUID, reply_domain: str = "", token: str = "") -> str:
    """Return the address for Inbound Parse, with a new secret in it that is shown only now.

    The previous address works until the next one is made, so that SendGrid can be changed without losing an
    email. `reply_domain` is the domain whose emails SendGrid hands over. Who knows the secret could write in
    anyone's name, so the actor may not approve requests that come by this mailbox. Needs
    `channels_app.change_channelaccount`; raises `NotFound`, and `Invalid` for a domain that is none.
    """
    actor.require(CHANGE)
    account = locked(ChannelAccount, account_id, MailConnect.missing, **mailboxes.CHANNEL)
    domain = reply_domain.strip().lower().removeprefix("@")
    if domain and not _DOMAIN.fullmatch(domain):
        wrong = {"reply_domain": ["Enter a domain like in.example.com."]}
        raise Invalid("This isn't a domain.", fields=wrong)
    kept = account.credentials or {}
    made = token or secrets.token_urlsafe(24)
    before = {"secondary_inbound_secret": kept["inbound_secret"]} if kept.get("inbound_secret") else {}
    _keep(actor, account, {**kept, **before, "inbound_secret": made, "reply_domain": domain})
    return f"{settings.PUBLIC_URL}{reverse('email_inbound', args=[f'{account.public_key}.{made}'])}"


@transaction.atomic
def close_inbound(*, actor: Actor, account_id: UUID) -> None:
    """Refuse emails to both addresses from now on. Needs `channels_app.change_channelaccount`; raises `NotFound`."""
    actor.require(CHANGE)
    account = locked(ChannelAccount, account_id, MailConnect.missing, **mailboxes.CHANNEL)
    dropped = (*mailboxes.SECRETS, "reply_domain")
    _keep(actor, account, {name: value for name, value in (account.credentials or {}).items() if name not in dropped})


def _keep(actor: Actor, account: ChannelAccount, credentials: dict[str, str]) -> None:
    accounts.connect_channel(
        actor=actor,
        **mailboxes.CHANNEL,
        name=account.name,
        address=account.address,
        provider_account=PROVIDER,
        credentials=credentials,
        account_id=account.pk,
    )
