"""Reading connections: the list, one of them, and what it is used for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.urls import reverse

from core.actors import Actor
from core.db.rows import get_or_missing
from core.privacy.visible_text import visible
from hitl.killswitch.targets import Targets
from integrations import platforms
from integrations.calls.rights import MISSING, VIEW
from integrations.connections import providers
from integrations.connections.registry import exchanges_of, with_exchanges
from integrations.models import ProviderAccount, ProviderCall

MOST: Final = 12


@dataclass(frozen=True, slots=True)
class Uses:
    """What the tools of a provider do with its default connection, by their titles, and what is exchanged over it."""

    requests: tuple[str, ...] = ()
    lookups: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    exchanges: tuple[str, ...] = ()
    """What goes there and comes from there by itself, over this connection whether it is the default or not."""

    def in_words(self) -> dict[str, str]:
        """Return them by what they are, in words for people; {} for none."""
        groups = {"Requests": self.requests, "What agents read": self.lookups, "Daily brief": self.sections}
        named = {**groups, "By itself": self.exchanges}
        return {name: ", ".join(titles) for name, titles in named.items() if titles}


@dataclass(frozen=True, slots=True)
class LastCall:
    """The call that was made last over a connection; it is known some seconds after it has ended."""

    operation: str
    outcome: ProviderCall.Outcome
    called_at: datetime

    @property
    def words(self) -> str:
        """What was called, in words."""
        return self.operation.replace("_", " ").capitalize()


def list_connections(*, viewer: Actor) -> QuerySet[ProviderAccount]:
    """Return the organisation's connections, with their last calls. Needs `integrations.view_connection`.

    The account that sends mail has a page of its own.
    """
    viewer.require(VIEW)
    known = [provider.key for provider in providers.every()]
    rows = ProviderAccount.objects.filter(provider__in=known).order_by("provider", "id")
    return with_exchanges(rows.annotate(last_call=Subquery(_newest_call(OuterRef("pk")))))


def last_call_of(row: ProviderAccount) -> LastCall | None:
    """Return the last call over a connection, None without one. No query for a row of `list_connections`."""
    read: Any = row
    found = read.last_call if hasattr(row, "last_call") else _newest_call(row.pk).first()
    if found is None:
        return None
    outcome, called_at = ProviderCall.Outcome(found["outcome"]), datetime.fromisoformat(found["called_at"])
    return LastCall(found["operation"], outcome, called_at)


def _newest_call(connection: Any) -> QuerySet[ProviderCall, Any]:
    """Return the newest call over a connection, as one value."""
    facts = JSONObject(operation="operation", outcome="outcome", called_at="called_at")
    rows = ProviderCall.objects.filter(connection=connection).order_by("-id")
    newest: QuerySet[ProviderCall, Any] = rows.annotate(facts=facts).values_list("facts", flat=True)[:1]
    return newest


def get_connection(*, viewer: Actor, connection_id: UUID) -> ProviderAccount:
    """Return a connection. Needs `integrations.view_connection`; raises `NotFound`."""
    return get_or_missing(list_connections(viewer=viewer).filter(pk=connection_id), MISSING)


def count_expired() -> int:
    """Return how many connections of the tenant in scope wait for somebody to reconnect them."""
    return int(ProviderAccount.objects.filter(is_active=True, expired_at__isnull=False).count())


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
    """Return what stops when a connection is disconnected: for tools nothing unless it is the default."""
    exchanges = exchanges_of(row) if row.is_active else ()
    platform = platforms.find(row.provider) if row.is_active and row.is_default else None
    if platform is None or not platform.is_for_tools(row):
        return Uses(exchanges=exchanges)
    return Uses(
        (*(kind.title for kind in platform.kinds), *platform.also_requested),
        (*(lookup.title for lookup in platform.lookups), *platform.also_read),
        tuple(section.title for section in platform.sections),
        exchanges,
    )
