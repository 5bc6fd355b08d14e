"""Renews the tokens of a connection in a process of its own and stalls at a place, so that a test can kill it there."""

import os
import sys
import time
from typing import Any
from uuid import UUID

import django


def _stall(*_: Any) -> None:
    print("reached", flush=True)  # noqa: T201
    time.sleep(600)


def main(vendor: str, place: str, tenant: str, connection: str) -> None:
    """Stall at a function of `tokens`: "ask_again" before the call, "with_tokens" between the answer and its commit."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from core.tenancy.scope import tenant_scope
    from integrations.connections import providers, tokens
    from integrations.connections.authorisation import authorise
    from integrations.models import ProviderAccount
    from tests.conformance.test_oauth import vendor_at

    providers.register(vendor_at(vendor))
    setattr(tokens, place, _stall)
    with tenant_scope(UUID(tenant)):
        authorise(ProviderAccount.objects.get(pk=UUID(connection)), "GET", vendor)


if __name__ == "__main__":
    main(*sys.argv[1:])
