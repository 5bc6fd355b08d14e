"""Read the record of calls over connections."""

from django.db.models import QuerySet

from core.actors import Actor
from integrations.calls.rights import VIEW
from integrations.models import ProviderCall


def list_calls(*, viewer: Actor) -> QuerySet[ProviderCall]:
    """Return the calls of the last 30 days with their connections. Needs `integrations.view_connection`."""
    viewer.require(VIEW)
    return ProviderCall.objects.select_related("connection").defer("connection__credentials")
