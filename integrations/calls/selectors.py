"""Read the record of calls over connections."""

from typing import Final

from django.db.models import QuerySet

from core.actors import Actor
from integrations.models import ProviderAccount, ProviderCall

VIEW: Final = "integrations.view_connection"


def list_calls(*, viewer: Actor) -> QuerySet[ProviderCall]:
    """Return the calls of the last 30 days with their connections. Needs `integrations.view_connection`."""
    viewer.require(VIEW)
    return ProviderCall.objects.select_related("connection").defer("connection__credentials")


def list_connections(*, viewer: Actor) -> QuerySet[ProviderAccount]:
    """Return the connections that calls are made over, without credentials. Needs `integrations.view_connection`."""
    viewer.require(VIEW)
    return ProviderAccount.objects.filter(is_active=True).defer("credentials").order_by("provider", "name")
