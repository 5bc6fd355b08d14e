"""The checks of mail and of the bucket, and of the addresses that providers call."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from pytest_django import Settings

from channels_app.kit.addresses import channel_addresses
from channels_app.models import InboundDelivery
from channels_app.webhooks.intake import refused_key
from conversations.models import ChannelAccount
from core.clock import now
from core.tenancy.scope import tenant_scope
from integrations.checks import bucket, mail_provider
from tests.edge.object_store import KEY, open_store
from tests.edge.ports import free_port
from tests.world import World


@pytest.mark.parametrize(
    ("changed", "status", "word"),
    [
        ({}, "warning", "sends no mail"),
        ({"MAIL_FROM": "a@b.example", "EMAIL_URL": "console://"}, "failure", "printed"),
        ({"MAIL_FROM": "a@b.example", "EMAIL_URL": "smtp+tls://me:hunter2@mail.example"}, "ok", "a mail server"),
        ({"MAIL_FROM": "a@b.example", "SENDGRID_API_KEY": "hunter2"}, "ok", "SendGrid"),
    ],
)
def test_mail_of_the_installation(settings: Settings, changed: dict[str, str], status: str, word: str) -> None:
    settings.PUBLIC_URL = "https://walker.example"
    for name, value in {"MAIL_FROM": "", "EMAIL_URL": "", "SENDGRID_API_KEY": "", **changed}.items():
        setattr(settings, name, value)
    found = mail_provider()
    assert (found.status, word in found.text, "hunter2" in found.text) == (status, True, False)


def test_bucket_takes_an_object_gives_it_back_and_keeps_nothing(settings: Settings) -> None:
    settings.FILE_STORE = ""
    assert bucket().status == "ok"
    with open_store() as store:
        settings.FILE_STORE, settings.FILE_STORE_KEY = f"{store.url}/files", ":".join(KEY)
        assert (bucket().status, store.objects, len(store.headers)) == ("ok", {}, 3)
        store.status = 507
        assert (bucket().status, "507" in bucket().text) == ("failure", True)
        store.status = 0
        settings.FILE_STORE_KEY = f"{KEY[0]}:hunter2"
        found = bucket()
    assert (found.status, "403" in found.text, "hunter2" in found.text) == ("failure", True, False)
    settings.FILE_STORE = f"http://127.0.0.1:{free_port()}/files"
    assert bucket().status == "failure"


@pytest.mark.django_db
def test_channels_that_providers_call_elsewhere_or_never_are_counted(world: World, settings: Settings) -> None:
    settings.PUBLIC_URL, settings.IS_HTTPS = "https://walker.example", True
    assert "no channel that a provider calls" in channel_addresses().text
    with tenant_scope(world.acme.pk):
        ChannelAccount.objects.create(kind="webchat", provider="widget", name="Shop")
        line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+15550100")
        assert "no channel" not in channel_addresses().text
        assert channel_addresses().status == "ok"  # it is new
        ChannelAccount.objects.update(created_at=now() - timedelta(days=2))
        assert "1 never got a webhook" in channel_addresses().text
        InboundDelivery.objects.create(provider="twilio", channel_account=line, event_key="1", queue_key="1")
        assert channel_addresses().status == "ok"
        cache.set(refused_key(world.acme.pk, line.pk), 1)
        found = channel_addresses()
        assert (found.status, "1 got webhooks with a wrong signature" in found.text) == ("warning", True)
        settings.PUBLIC_URL = "http://walker.example"
        settings.IS_HTTPS = False
        assert channel_addresses().status == "failure"
        settings.PUBLIC_URL = "http://127.0.0.1:8000"
        assert channel_addresses().status == "warning"
        ChannelAccount.objects.update(is_active=False)
        assert channel_addresses().status == "ok"
