"""Provider accounts: who may connect one, and that no tenant falls back to another's."""

import pytest
from django.db import connection

from core.errors import Invalid, Refused, Unavailable
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from integrations.models import ProviderAccount
from integrations.platforms import get_credentials
from integrations.sandbox_ads import selectors
from integrations.services import connect_provider
from tests.world import OPERATOR, World


def connect(world: World, role: str = "owner", token: str = "t-1", name: str = "Main") -> ProviderAccount:
    actor = world.actor(role)
    return connect_provider(actor=actor, provider="sandbox_ads", name=name, credentials={"token": token})


def test_owner_connects_and_the_token_is_found(acme: World) -> None:
    connect(acme)
    assert get_credentials(provider="sandbox_ads") == {"token": "t-1"}


def test_connecting_is_audited_without_the_token(acme: World) -> None:
    account = connect(acme)
    entry = AuditEntry.objects.get(object_id=account.pk)
    assert (entry.action, entry.facts) == ("provider_connected", {"provider": "sandbox_ads"})


def test_token_is_not_readable_in_the_table(acme: World) -> None:
    connect(acme, token="very-secret")
    with connection.cursor() as cursor:
        cursor.execute("select credentials from integrations_provideraccount")
        assert b"very-secret" not in bytes(cursor.fetchone()[0])


@pytest.mark.parametrize("role", ["viewer", "support", "approver"])
def test_person_without_the_right_is_refused(acme: World, role: str) -> None:
    with pytest.raises(Refused):
        connect(acme, role)
    assert not ProviderAccount.objects.exists()


@pytest.mark.parametrize("token", ["", "line\nbreak", "ключ"])
def test_token_that_cannot_travel_is_refused(acme: World, token: str) -> None:
    with pytest.raises(Invalid):
        connect(acme, token=token)


def test_second_account_replaces_the_first(acme: World) -> None:
    connect(acme)
    connect(acme, token="t-2", name="New")
    assert get_credentials(provider="sandbox_ads") == {"token": "t-2"}
    assert ProviderAccount.objects.count() == 2


def test_tenant_without_account_gets_no_other_ones(acme: World) -> None:
    connect(acme)
    with tenant_scope(acme.globex.pk), pytest.raises(Unavailable) as refusal:
        get_credentials(provider="sandbox_ads")
    assert refusal.value.code == "not_connected"


def test_inactive_account_is_no_account(acme: World) -> None:
    connect(acme)
    ProviderAccount.objects.update(is_active=False)
    with pytest.raises(Unavailable):
        get_credentials(provider="sandbox_ads")


def test_missing_address_is_refused(connected: World, settings: pytest.FixtureRequest) -> None:
    settings.SANDBOX_ADS_URL = ""  # type: ignore[attr-defined]
    with pytest.raises(Unavailable) as refusal:
        selectors.list_campaigns()
    assert refusal.value.code == "not_configured"


def test_unknown_provider_is_refused(acme: World) -> None:
    with pytest.raises(Invalid):
        connect_provider(actor=OPERATOR, provider="nobody", name="x", credentials={"token": "t"})
