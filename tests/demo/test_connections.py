"""What the demo says of its sandbox systems that nobody has connected yet."""

from typing import Any

import pytest

from core.errors import Conflict, Unavailable
from core.tenancy.scope import tenant_scope
from demo.cast import ORGANISATIONS
from demo.describe import as_text, describe
from integrations import platforms
from integrations.connections import services
from integrations.connections.selectors import webhook_of
from integrations.models import ProviderAccount
from standins.identity import seed as identity
from tests.edge.back_office_fixture import SHARED, BackOffice
from tests.edge.salesforce_fixture import salesforce, salesforce_process
from tests.edge.tickets_fixture import zendesk, zendesk_process
from tests.world import World

__all__ = ["salesforce", "salesforce_process", "zendesk", "zendesk_process"]
pytestmark = pytest.mark.django_db


def test_demo_tells_what_connects_its_systems_and_the_office_shows_where_it_posts(
    world: World, back_office: BackOffice, settings: Any
) -> None:
    assert describe()["tenants"][0]["connections"] == []
    settings.SANDBOX_BACK_OFFICE_URL, settings.SANDBOX_BACK_OFFICE_TOKEN = back_office.url, SHARED
    settings.BACK_OFFICE_HOSTS = ["127.0.0.1", "localhost"]
    settings.HUBSPOT_API_BASE, settings.SALESFORCE_API_BASE = (
        "http://127.0.0.1:8100",
        "http://127.0.0.1:8102/at/{domain}",
    )
    facts = describe()
    accounts = facts["tenants"][0]["connections"]
    assert facts["urls"]["back_office"] == f"{back_office.url}/"
    assert ("hubspot       http://127.0.0.1:8100/" in as_text(facts), "zendesk" in facts["urls"]) == (True, False)
    assert facts["urls"]["salesforce"] == "http://127.0.0.1:8102/"
    assert [one["provider"] for one in accounts if platforms.takes(**one)] == [
        "back_office", "zendesk", "hubspot", "salesforce",
    ]  # fmt: skip
    with tenant_scope(world.acme.pk):
        row = services.connect(actor=world.actor("owner"), **accounts[0])
        hook = webhook_of(row)
    assert back_office.control("view")["companies"][0]["hook"] == hook


def test_directory_of_the_demo_knows_its_people_and_the_page_is_named(world: World, settings: Any) -> None:
    for organisation in ORGANISATIONS:
        ours = [(one.key, one.first_name, one.last_name) for one in organisation.people]
        assert [row[:3] for row in identity.PEOPLE[organisation.slug]][:-1] == ours
        roles = {one.key: one.role for one in organisation.people}
        groups = {key: groups for key, _, _, groups in identity.PEOPLE[organisation.slug]}
        # The lines that the page offers lead to the role that each has; everyone else is an owner or a viewer.
        given = {key: identity.GROUPS.get("".join(groups[key]), "") for key in roles}
        assert {key: role for key, role in roles.items() if role not in ("owner", "viewer")} == {
            key: role for key, role in given.items() if role
        }
        assert identity.COMPANIES[organisation.slug] == organisation.name
    assert "identity" not in describe()["urls"]
    settings.SANDBOX_IDENTITY_URL = "http://127.0.0.1:8099"
    assert "identity      http://127.0.0.1:8099/" in as_text(describe())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "field"), [("zendesk", "subdomain"), ("salesforce", "domain")])
def test_sandbox_refuses_an_address_that_is_not_the_accounts(
    world: World, request: pytest.FixtureRequest, name: str, field: str
) -> None:
    given = request.getfixturevalue(name).credentials()
    with tenant_scope(world.acme.pk):
        for wrong in ("globex", "nobody"):
            with pytest.raises((Conflict, Unavailable)):
                services.connect(actor=world.actor("owner"), provider=name, credentials={**given, field: wrong})
        assert not ProviderAccount.objects.exists()
        assert services.connect(actor=world.actor("owner"), provider=name, credentials=given).state == "active"
