"""Which ticket system answers where several are connected, or one of them for contacts alone."""

import html

import pytest
from django.test import Client

from core.errors import Invalid, Unavailable
from core.tenancy.scope import tenant_scope
from integrations.connections import services as connections
from integrations.connections.selectors import uses_of
from integrations.models import ProviderAccount
from integrations.ticketing import selectors
from tests.edge.tickets_fixture import TicketServer
from tests.world import World

LIST = "/admin/integrations/provideraccount/"
TRACKER = {"url": "https://tracker.example/acme", "username": "walker", "password": "secret"}


@pytest.mark.slow
def test_hubspot_answers_for_tickets_only_if_it_is_to_and_after_every_other(
    hubspot: TicketServer, world: World
) -> None:
    owner, browser = world.actor("owner"), Client()
    browser.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    typed = hubspot.credentials()

    def page(row: ProviderAccount, action: str = "") -> str:
        return html.unescape(browser.get(f"{LIST}{row.pk}/{action}", follow=True).content.decode())

    with tenant_scope(world.acme.pk):
        with pytest.raises(Invalid) as wrong:
            connections.connect(actor=owner, provider="hubspot", credentials={**typed, "tickets": "maybe"})
        assert list(wrong.value.facts["fields"]) == ["tickets"]
        crm = connections.connect(actor=owner, provider="hubspot", name="CRM", credentials={**typed, "tickets": "no"})
        assert (selectors.find_connection(), selectors.is_connected(["hubspot"])) == (None, False)
        with pytest.raises(Unavailable, match="for contacts alone"):
            selectors.connection("hubspot")
        shown = page(crm)
        assert ("use no tickets now" in shown, "Open a ticket" in shown, bool(uses_of(crm).in_words())) == (
            True, False, False,
        )  # fmt: skip
        assert '<option value="no" selected>' in page(crm, "rotate/")
        crm = connections.rotate(actor=owner, connection_id=crm.pk, credentials={**typed, "tickets": "yes"})
        assert selectors.connection().account == crm
        assert "use the tickets of this connection" in page(crm)
        assert "Open a ticket" in uses_of(crm).in_words()["Requests"]
        tracker = ProviderAccount.objects.create(
            provider="roundup", name="Tracker", credentials=TRACKER, is_default=True
        )
        assert (selectors.connection().account, selectors.is_connected(["hubspot", "roundup"])) == (tracker, True)
        assert "use the tickets of Roundup (“Tracker”), not of this connection" in page(crm)
        assert "use the tickets of this connection" in page(tracker)
        assert selectors.connection("hubspot").account == crm  # requests that were made for it go on
