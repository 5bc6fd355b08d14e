"""The console's navigation, built from the registered admins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.urls import reverse

from console.base.kit import KitSite
from console.extensions import badges, count_badges
from core.actors import Actor

GROUPS = ("Work", "Set-up", "Oversight")
FITS: Final = 17
"""How many links fit on a small screen without scrolling."""


@dataclass(frozen=True, slots=True)
class Nav:
    """An admin's place in the navigation."""

    label: str
    icon: str
    group: str = "Work"
    order: int = 50
    badges: tuple[str, ...] = ()


@dataclass(slots=True)
class Entry:
    """One link of the navigation on one page."""

    label: str
    icon: str
    url: str
    active: bool
    badges: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """Links under a heading that can be collapsed; then it shows the badges of its links."""

    label: str
    entries: list[Entry] = field(default_factory=list)
    folds: bool = True
    is_open: bool = True

    @property
    def cookie(self) -> str:
        """Return the name of the cookie that remembers `open` or `folded`."""
        return f"walker_nav_{self.label.lower()}"

    @property
    def badges(self) -> list[dict[str, Any]]:
        """Return the badges of all its links."""
        return [badge for entry in self.entries for badge in entry.badges]


def list_places(site: KitSite, viewer: Actor) -> list[tuple[Nav, str, Any]]:
    """Return the pages of the navigation the viewer may open, in order: place, URL and the list's admin."""
    placed: list[tuple[Nav, str, Any]] = []
    registry: dict[Any, Any] = site._registry
    for model, model_admin in registry.items():
        nav = getattr(model_admin, "nav", None)
        if nav is not None and model_admin.opens_to(viewer):
            url = reverse(f"{site.name}:{model._meta.app_label}_{model._meta.model_name}_changelist")
            placed.append((nav, url, model_admin))
        if getattr(model_admin, "site_pages", ()) and model_admin.opens_to(viewer):
            placed += [(nav, reverse(f"{site.name}:{name}"), None) for nav, name in model_admin.site_pages]
    return sorted(placed, key=lambda entry: entry[0].order)


def build(
    site: KitSite,
    viewer: Actor,
    tenant_id: UUID,
    path: str,
    *,
    chosen: Mapping[str, str],
    fresh: bool = False,
) -> list[Group]:
    """Return the groups of links the viewer may open, with badges; `fresh` bypasses the badge cache.

    `chosen` are the request's cookies. By default all groups are open if they fit, otherwise only the first;
    the group of the current page always is.
    """
    placed = [(nav, url) for nav, url, _ in list_places(site, viewer)]
    numbers = count_badges(viewer, tenant_id, tuple(key for nav, _ in placed for key in nav.badges), fresh=fresh)
    groups = {name: Group(name, folds=name != "Work") for name in GROUPS}
    home = reverse(f"{site.name}:index")
    groups["Work"].entries.append(Entry("Dashboard", "home", home, path == home))
    for nav, url in placed:
        counted = [(badges.get(key), numbers.get(key, 0)) for key in nav.badges]
        marks = [{"label": badge.label, "tone": badge.tone, "count": count} for badge, count in counted if count]
        groups[nav.group].entries.append(Entry(nav.label, nav.icon, url, path.startswith(url), marks))
    filled = [group for group in groups.values() if group.entries]
    for group in filled:
        preference = chosen.get(group.cookie, "open" if len(placed) < FITS else "folded")
        group.is_open = not group.folds or preference == "open" or any(entry.active for entry in group.entries)
    return filled
