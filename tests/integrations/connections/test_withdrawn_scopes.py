"""A 403 expires a connection only where its code says that the account itself has no permission any more."""

from typing import Any

import pytest

from accounts.models import Notice
from core.tenancy.scope import tenant_scope
from integrations import platforms
from integrations.calls.answers import CleanFailure
from integrations.connections import services
from integrations.crm.services import open_crm
from integrations.models import ProviderAccount
from tests.edge.back_office_fixture import BackOffice, back_office, back_office_process
from tests.edge.salesforce_fixture import salesforce, salesforce_process
from tests.edge.tickets_fixture import hubspot, hubspot_process, zendesk, zendesk_process
from tests.integrations.connections.conftest import office_account
from tests.world import World

__all__ = [
    "back_office", "back_office_process", "hubspot", "hubspot_process", "salesforce", "salesforce_process", "zendesk",
    "zendesk_process",
]  # fmt: skip
CASES = {
    "salesforce": [
        ("API_DISABLED_FOR_ORG", True), ("API_CURRENTLY_DISABLED", True),
        ("INSUFFICIENT_ACCESS", False), ("REQUEST_LIMIT_EXCEEDED", False),
    ],
    "back_office": [("scope_missing", True), ("forbidden", False)],
    "hubspot": [("MISSING_SCOPES", False)],
    "zendesk": [("Forbidden", False)],
}  # fmt: skip
"""By system, the codes that it has with 403. Those of Meta and Google are in the tests of their consents."""
READS = {
    "salesforce": "GET /services/data/", "back_office": "GET /v1/transactions", "hubspot": "GET /crm/v3/objects/",
    "zendesk": "GET /api/v2/tickets",
}  # fmt: skip


def read(account: ProviderAccount) -> Any:
    """Read something over a connection."""
    if account.provider == "salesforce":
        return open_crm(account).read_page({})
    with platforms.connection_of(account).open() as client:
        return client.list_history("c-1001", 5) if account.provider == "back_office" else client.get("1002")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "code", "expires"), [(name, *case) for name, cases in CASES.items() for case in cases]
)
def test_withdrawn_permission_expires_and_a_refused_object_does_not(
    world: World, request: pytest.FixtureRequest, settings: Any, name: str, code: str, expires: bool
) -> None:
    settings.BACK_OFFICE_HOSTS = ["127.0.0.1", "localhost"]
    system = request.getfixturevalue(name)
    given = office_account(system) if isinstance(system, BackOffice) else system.credentials()
    with tenant_scope(world.acme.pk):
        account = services.connect(actor=world.actor("owner"), provider=name, credentials=given)
        system.script(READS[name], "fail", status=403, code=code, times=9)
        answer = read(account)
        assert isinstance(answer, CleanFailure)
        account.refresh_from_db()
        assert (account.state, answer.code == "expired") == ("expired" if expires else "active", expires), answer
        told = Notice.objects.filter(kind="connection").values_list("person_id", flat=True)
        assert sorted(told) == (sorted(world.people[role].pk for role in ("owner", "admin")) if expires else [])
