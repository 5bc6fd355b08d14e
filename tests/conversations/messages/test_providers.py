"""Transports by kind and provider, and the rules of each medium."""

import pytest
from django.db import IntegrityError, transaction

from conversations import registry
from conversations.channel_accounts import accounts
from conversations.mediums import MB, Sms, TwilioWhatsApp, WhatsApp
from conversations.models import ChannelAccount
from core.errors import Invalid, NotFound
from tests.world import OPERATOR, World


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "provider"), [("sms", "sendgrid"), ("slack", "teams"), ("whatsapp", "slack")])
def test_account_of_a_provider_that_does_not_serve_its_kind_is_refused(acme: World, kind: str, provider: str) -> None:
    facts = {"name": "Line", "address": "+34900000009", "provider_account": "x", "credentials": {}}
    with pytest.raises(Invalid) as wrong:
        accounts.connect_channel(actor=OPERATOR, kind=kind, provider=provider, **facts)
    assert "kind" in wrong.value.facts["fields"]
    # Which pairs there are is said by the channels; the database holds what no channel could be called.
    with pytest.raises(IntegrityError), transaction.atomic():
        ChannelAccount.objects.create(kind="sms", provider="Send Grid", name="Line")
    with pytest.raises(NotFound):
        registry.transport_for("sms", "sendgrid")


def test_medium_says_what_it_takes_and_a_provider_may_take_less() -> None:
    assert registry.transport_for("whatsapp", "twilio").medium is TwilioWhatsApp
    assert registry.transport_for("sms", "twilio").medium is Sms
    assert (TwilioWhatsApp.window, Sms.window) == (WhatsApp.window, None)
    assert [len(part) for part in TwilioWhatsApp.split("x" * 2000)] == [1600, 400]
    assert WhatsApp.split("x" * 2000) == ["x" * 2000]
    assert WhatsApp.media_limit("image/png") == 5 * MB
    assert WhatsApp.media_limit("audio/ogg") == 16 * MB
    assert WhatsApp.media_limit("image/svg+xml") == Sms.media_limit("image/png") == 0
