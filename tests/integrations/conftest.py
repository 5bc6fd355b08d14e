"""Tenants connected with the sandbox platform."""

from collections.abc import Iterator

import pytest

from core.tenancy.scope import tenant_scope
from integrations.services import connect_provider
from tests.edge.platform_fixture import ACME_TOKEN, GLOBEX_TOKEN, Platform
from tests.world import OPERATOR, World


@pytest.fixture
def connected(world: World, sandbox: Platform) -> Iterator[World]:
    """Both tenants with their account; inside the scope of the first."""
    for tenant, token in ((world.acme, ACME_TOKEN), (world.globex, GLOBEX_TOKEN)):
        with tenant_scope(tenant.pk):
            connect_provider(actor=OPERATOR, provider="sandbox_ads", name="Main", credentials={"token": token})
    with tenant_scope(world.acme.pk):
        yield world
