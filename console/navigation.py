"""The console's navigation, read from what the registered admins say about themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.urls import reverse

from console.badges import badges, counts
from core.actors import Actor

if TYPE_CHECKING:
    from console.site import WalkerAdminSite

GROUPS = ("Work", "Set-up", "Oversight")
FITS: Final = 16
"""So many links stand on a small screen without scrolling."""


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


@dataclass(slots=True)
class Group:
    """Links under one heading, which may be folded away; folded, it shows the badges of its links itself."""

    label: str
    entries: list[Entry] = field(default_factory=list)
    folds: bool = True
    is_open: bool = True

    @property
    def cookie(self) -> str:
        """Return the name of the cookie that says whether the person has it folded: `open` or `folded`, no more."""
        return f"walker_nav_{self.label.lower()}"

    @property
    def badges(self) -> list[dict[str, Any]]:
        """Return the badges of all its links."""
        return [badge for entry in self.entries for badge in entry.badges]


def build(
    site: "WalkerAdminSite",
    viewer: Actor,
    tenant_id: UUID,
    path: str,
    *,
    chosen: Mapping[str, str],
    fresh: bool = False,
) -> list[Group]:
    """Return the groups of links the viewer may follow, with their badges, counted anew when `fresh`.

    `chosen` are cookies. Whoever has chosen nothing sees all groups while they fit, else the work; the
    group of the page at hand is open in any case.
    """
    placed = sorted(_placed(site, viewer), key=lambda pair: pair[0].order)
    numbers = counts(viewer, tenant_id, tuple(key for nav, _ in placed for key in nav.badges), fresh=fresh)
    groups = {name: Group(name, folds=name != "Work") for name in GROUPS}
    home = reverse(f"{site.name}:index")
    groups["Work"].entries.append(Entry("Dashboard", "home", home, path == home))
    for nav, url in placed:
        entry = Entry(nav.label, nav.icon, url, path.startswith(url), _badges(nav, numbers))
        groups[nav.group].entries.append(entry)
    shown = [group for group in groups.values() if group.entries]
    for group in shown:
        kept = chosen.get(group.cookie, "open" if len(placed) < FITS else "folded")
        group.is_open = not group.folds or kept == "open" or any(entry.active for entry in group.entries)
    return shown


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
