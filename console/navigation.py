"""The console's navigation, read from what the registered admins say about themselves."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.urls import reverse

from console.badges import badges, counts
from core.actors import Actor

if TYPE_CHECKING:
    from console.site import WalkerAdminSite

GROUPS = ("Work", "Set-up", "Oversight")


@dataclass(frozen=True, slots=True)
class Nav:
    """Where an admin stands in the navigation."""

    label: str
    icon: str
    group: str = "Work"
    order: int = 50
    badges: tuple[str, ...] = ()


@dataclass(slots=True)
class Entry:
    """One link of the navigation, as shown."""

    label: str
    icon: str
    url: str
    active: bool
    badges: list[dict[str, Any]] = field(default_factory=list)


def build(
    site: "WalkerAdminSite", viewer: Actor, tenant_id: UUID, path: str, *, fresh: bool = False
) -> list[tuple[str, list[Entry]]]:
    """Return the groups of links the viewer may follow, with their badges, counted anew when `fresh`."""
    placed = sorted(_placed(site, viewer), key=lambda pair: pair[0].order)
    numbers = counts(viewer, tenant_id, tuple(key for nav, _ in placed for key in nav.badges), fresh=fresh)
    groups: dict[str, list[Entry]] = {name: [] for name in GROUPS}
    home = reverse(f"{site.name}:index")
    groups["Work"].append(Entry("Dashboard", "home", home, path == home))
    for nav, url in placed:
        groups[nav.group].append(Entry(nav.label, nav.icon, url, path.startswith(url), _badges(nav, numbers)))
    return [(name, entries) for name, entries in groups.items() if entries]


def _placed(site: "WalkerAdminSite", viewer: Actor) -> list[tuple[Nav, str]]:
    placed = []
    registry: dict[Any, Any] = site._registry
    for model, model_admin in registry.items():
        nav = getattr(model_admin, "nav", None)
        if nav is not None and model_admin.opens_to(viewer):
            url = reverse(f"{site.name}:{model._meta.app_label}_{model._meta.model_name}_changelist")
            placed.append((nav, url))
    return placed


def _badges(nav: Nav, numbers: dict[str, int]) -> list[dict[str, Any]]:
    shown = [(badges.get(key), numbers.get(key, 0)) for key in nav.badges]
    return [{"label": badge.label, "tone": badge.tone, "count": count} for badge, count in shown if count]
