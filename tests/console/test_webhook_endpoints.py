"""The console's pages of webhook endpoints."""

import pytest

from core.tenancy.scope import tenant_scope
from integrations.outgoing_webhooks import services
from integrations.outgoing_webhooks.models import WebhookSubscription
from integrations.outgoing_webhooks.services import EndpointSettings
from tests.console.conftest import Browser
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LIST = "/admin/integrations/webhooksubscription/"


def test_removed_endpoint_leads_back_to_the_list(browser: Browser, acme: World) -> None:
    wanted = EndpointSettings("Warehouse", "https://93.184.215.14/events", ())
    row = services.create_endpoint(actor=acme.actor("owner"), wanted=wanted).subscription
    answer = browser("owner").post(f"{LIST}{row.pk}/remove/", {"version": row.version}, follow=True)
    assert (answer.redirect_chain, answer.status_code) == ([(LIST, 302)], 200)
    assert "“Warehouse” was removed." in answer.content.decode()
    with tenant_scope(acme.acme.pk):
        assert not WebhookSubscription.objects.exists()
