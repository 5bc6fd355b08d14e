"""An organisation's name and currency, changed by those who may."""

import pytest
from django.test import Client

from accounts.models import Tenant
from accounts.services import change_organisation
from core.errors import Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.world import World

pytestmark = pytest.mark.django_db


def test_name_and_currency_change_once_and_are_audited(acme: World) -> None:
    for _ in range(2):
        change_organisation(actor=acme.actor("admin"), tenant_id=acme.acme.pk, name=" Acme \0Shoes ", currency="USD")
    tenant = Tenant.objects.get()
    assert (tenant.name, tenant.currency, tenant.timezone) == ("Acme Shoes", "USD", acme.acme.timezone)
    entries = AuditEntry.objects.filter(action="TENANT_CHANGED", object_id=tenant.pk)
    assert list(entries.values_list("facts", flat=True)) == [
        {"fields": ["name", "currency"], "currency": ["EUR", "USD"]}
    ]


def test_colleague_and_other_organisation_cannot_change_it(acme: World) -> None:
    wanted = {"name": "Mine", "currency": "EUR"}
    for role in ("approver", "support", "compliance", "viewer"):
        with pytest.raises(Refused):
            change_organisation(actor=acme.actor(role), tenant_id=acme.acme.pk, **wanted)
    with pytest.raises(NotFound):
        change_organisation(actor=acme.actor("owner"), tenant_id=acme.globex.pk, **wanted)
    with tenant_scope(acme.globex.pk):
        assert Tenant.objects.get().name == "Globex"


@pytest.mark.parametrize(
    ("name", "currency", "field"),
    [("\0 ", "EUR", "name"), ("Acme", "E1R", "currency"), ("Acme", "EU", "currency"), ("Acme", "ЕUR", "currency")],
)
def test_what_cannot_be_a_name_or_currency_changes_nothing(acme: World, name: str, currency: str, field: str) -> None:
    with pytest.raises(Invalid) as problem:
        change_organisation(actor=acme.actor("owner"), tenant_id=acme.acme.pk, name=name, currency=currency)
    assert list(problem.value.facts["fields"]) == [field]
    assert Tenant.objects.get().name == "Acme"


def test_owner_changes_it_on_its_page(client: Client, world: World) -> None:
    client.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    page = client.get("/admin/accounts/tenant/").content.decode()
    assert ("<h1>General</h1>" in page, "UTC" in page or "Europe" in page) == (True, True)
    answer = client.post(f"/admin/accounts/tenant/{world.acme.pk}/edit/", {"name": "Acme Shoes", "currency": "E1R"})
    assert "three capital letters" in answer.content.decode()
    answer = client.post(
        f"/admin/accounts/tenant/{world.acme.pk}/edit/", {"name": "Acme Shoes", "currency": "EUR"}, follow=True
    )
    page = answer.content.decode()
    assert (answer.redirect_chain[-1][0], "Saved." in page) == ("/admin/accounts/tenant/", True)
    assert "Acme Shoes" in page.partition('class="wk-nav"')[0]
