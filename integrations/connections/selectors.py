"""Reading connections: the list, one of them, and what it is used for."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from core.actors import Actor
from core.db.rows import get_or_missing
from core.privacy.visible_text import visible
from hitl.killswitch.targets import Targets
from integrations import platforms
from integrations.calls.rights import MISSING, VIEW
from integrations.connections import providers
from integrations.models import ProviderAccount

MOST: Final = 12


@dataclass(frozen=True, slots=True)
class Uses:
    """What the tools of a provider do with its default connection, by their titles."""

    requests: tuple[str, ...] = ()
    lookups: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requests or self.lookups or self.sections)


def list_connections(*, viewer: Actor) -> QuerySet[ProviderAccount]:
    """Return the organisation's connections. Needs `integrations.view_connection`.

    The account that sends mail has a page of its own.
    """
    viewer.require(VIEW)
    known = [provider.key for provider in providers.every()]
    return ProviderAccount.objects.filter(provider__in=known).order_by("provider", "id")


def get_connection(*, viewer: Actor, connection_id: UUID) -> ProviderAccount:
    """Return a connection. Needs `integrations.view_connection`; raises `NotFound`."""
    return get_or_missing(list_connections(viewer=viewer).filter(pk=connection_id), MISSING)


class ConnectionTargets(Targets):
    """The tenant's connections, for emergency stops."""

    scope, title = "connection", "One connection"

    def choices(self) -> list[tuple[str, str]]:
        """Return those that are connected, by their names."""
        rows = ProviderAccount.objects.filter(is_active=True).order_by("name", "id").values_list("pk", "name")
        return [(str(key), visible(name)) for key, name in rows]

    def systems(self) -> dict[str, tuple[str, bool]]:
        """Return the system of each that is connected, and whether it is the default there."""
        rows = ProviderAccount.objects.filter(is_active=True).values_list("pk", "provider", "is_default")
        return {str(key): (provider, is_default) for key, provider, is_default in rows}


def webhook_of(row: ProviderAccount) -> str:
    """Return the address to which the system posts what has changed, "" if it posts nothing."""
    platform = platforms.find(row.provider) if row.is_active else None
    name = platform.webhook if platform else ""
    return f"{settings.PUBLIC_URL}{reverse(name, args=[row.tenant_id, row.pk])}" if name else ""


def uses_of(row: ProviderAccount) -> Uses:
    """Return what stops when a connection is disconnected: nothing unless it is the default."""
    platform = platforms.find(row.provider) if row.is_active and row.is_default else None
    if platform is None:
        return Uses()
    return Uses(
        tuple(kind.title for kind in platform.kinds),
        tuple(lookup.title for lookup in platform.lookups),
        tuple(section.title for section in platform.sections),
    )
