"""Connect a company's own app: settings, secrets that are shown once, test delivery, pause, and the log."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from channels_app.kit import found
from channels_app.own_app.transport import PURPOSE
from channels_app.web_chat.settings import manage
from conversations.models import ChannelAccount
from conversations.services import accounts
from core.actors import Actor
from core.errors import NotFound
from core.models import WebhookDelivery, WebhookEndpoint
from core.webhooks import deliveries, endpoints

CHANGE = "channels_app.change_channelaccount"
VIEW = "channels_app.view_channelaccount"


@dataclass(frozen=True, slots=True)
class Connected:
    """A saved app, with its secrets where they are new: they are shown once."""

    account: ChannelAccount
    token_secret: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)


def connect_app(
    *,
    actor: Actor,
    name: str,
    url: str = "",
    websites: Sequence[str] = (),
    account_id: UUID | None = None,
    is_active: bool = True,
) -> Connected:
    """Connect or change an app. Needs `channels_app.change_channelaccount`; raises `NotFound`, `Invalid`."""
    actor.require(CHANGE)
    origins = manage.checked_origins(websites)
    with transaction.atomic():
        account = accounts.save_app(actor=actor, name=name, origins=origins, is_active=is_active, account_id=account_id)
        signing_secret = ""
        if url.strip():
            _, signing_secret = endpoints.save_endpoint(actor=actor, purpose=PURPOSE, ref=account.pk, url=url)
        token_secret = "" if account_id else _new_token_secret(actor, account.pk)
    found.forget()
    return Connected(account, token_secret, signing_secret)


def rotate_token_secret(*, actor: Actor, account_id: UUID) -> str:
    """Return a new secret; the old counts a day. Needs `channels_app.change_channelaccount`; raises `NotFound`."""
    secret = _new_token_secret(actor, account_id)
    found.forget()
    return secret


def _new_token_secret(actor: Actor, account_id: UUID) -> str:
    secret = secrets.token_urlsafe(32)
    accounts.keep_token_secret(actor=actor, account_id=account_id, secret=secret)
    return secret


def rotate_signing_secret(*, actor: Actor, account_id: UUID) -> str:
    """Return a new secret; both sign for a day. Needs `channels_app.change_channelaccount`; raises `NotFound`."""
    return endpoints.rotate_secret(actor=actor, endpoint_id=_endpoint(actor, account_id).pk)


def send_test(*, actor: Actor, account_id: UUID) -> WebhookDelivery:
    """Queue a test webhook and return it. Needs `channels_app.change_channelaccount`; raises `NotFound`."""
    return deliveries.queue_test(actor=actor, endpoint=_endpoint(actor, account_id))


def set_paused(*, actor: Actor, account_id: UUID, is_paused: bool) -> WebhookEndpoint:
    """Pause the webhooks, which then wait, or resume them.

    Needs `channels_app.change_channelaccount`; raises `NotFound`.
    """
    endpoint = _endpoint(actor, account_id)
    return endpoints.set_paused(actor=actor, endpoint_id=endpoint.pk, is_paused=is_paused)


def replay(*, actor: Actor, account_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Queue a failed webhook again. Needs `channels_app.change_channelaccount`; raises `NotFound`, `Conflict`."""
    endpoint = _endpoint(actor, account_id)
    if not WebhookDelivery.objects.filter(pk=delivery_id, endpoint=endpoint).exists():
        raise NotFound("There is no such delivery.")
    return deliveries.replay(actor=actor, delivery_id=delivery_id)


def query_log(*, viewer: Actor, account_id: UUID) -> QuerySet[WebhookDelivery]:
    """Return the webhooks, newest first. Needs `channels_app.view_channelaccount`; raises `NotFound`."""
    viewer.require(VIEW)
    if not ChannelAccount.objects.filter(pk=account_id).exists():
        raise NotFound("There is no such channel account.")
    endpoint = endpoints.find_endpoint(purpose=PURPOSE, ref=account_id)
    return deliveries.query_deliveries(endpoint=endpoint)


def _endpoint(actor: Actor, account_id: UUID) -> WebhookEndpoint:
    return endpoints.endpoint_for(actor=actor, purpose=PURPOSE, ref=account_id)
