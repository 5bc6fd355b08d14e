"""Where a tracker may be, and what its own names have to look like; a real Roundup is asked in the long tests."""

from typing import Any

import pytest
from django.test import Client

from core.errors import Invalid, Unavailable
from core.tenancy.scope import tenant_scope
from integrations.connections import services
from integrations.models import ProviderAccount
from integrations.services import connect_provider
from integrations.ticketing import selectors
from tests.integrations.ticketing.conftest import customer, make_contact
from tests.world import OPERATOR, World

LOGIN = {"username": "walker", "password": "walker-acme"}


@pytest.mark.parametrize(
    ("url", "named", "code"),
    [
        ("http://127.0.0.1:1/desk", [], "bad_url"),
        ("https://127.0.0.1:1/desk", [], "tickets_egress_refused"),
        ("http://127.0.0.1:1/desk", ["127.0.0.1"], "tickets_not_reachable"),
    ],
)
def test_tracker_is_public_https_unless_the_operator_named_its_host(
    world: World, settings: Any, url: str, named: list[str], code: str
) -> None:
    settings.ROUNDUP_HOSTS = named
    with tenant_scope(world.acme.pk):
        connect_provider(actor=OPERATOR, provider="roundup", name="Main", credentials={"url": url, **LOGIN})
        with pytest.raises(Unavailable) as refused:
            selectors.search_tickets(customer(make_contact().pk))
    assert refused.value.code == code


def test_names_of_a_tracker_have_to_be_as_many_as_ours(world: World) -> None:
    given = {"url": "https://support.example/desk", **LOGIN}
    with tenant_scope(world.acme.pk):
        for wrong in ({"priorities": "low, high"}, {"statuses": "unread, resolved"}, {"url": "support.example"}):
            with pytest.raises(Invalid) as refused:
                services.connect(
                    actor=world.actor("owner"), provider="roundup", name="Main", credentials={**given, **wrong}
                )
            assert list(refused.value.facts["fields"]) == list(wrong)
        assert not ProviderAccount.objects.exists()


def test_form_begins_with_the_names_of_a_usual_tracker(world: World) -> None:
    owner = Client()
    owner.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    page = owner.post("/admin/integrations/provideraccount/connect/", {"provider": "roundup"}).content.decode()
    shown = [words for words in ("wish, feature, urgent, critical", "unread, need-eg, resolved, done-cbb")
             if f'value="{words}"' in page]  # fmt: skip
    assert len(shown) == 2


def test_form_of_new_credentials_begins_with_the_public_ones_in_use(world: World) -> None:
    owner = Client()
    owner.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    given = {"url": "https://support.example/desk", "statuses": "new, open, done, shut", **LOGIN}
    with tenant_scope(world.acme.pk):
        row = connect_provider(actor=OPERATOR, provider="roundup", name="Main", credentials=given)
    page = owner.get(f"/admin/integrations/provideraccount/{row.pk}/").content.decode()
    assert [f'value="{given[name]}"' in page for name in ("url", "statuses", "password")] == [True, True, False]
