"""The console's navigation: areas with a short second level, built from the registered admins."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils.text import slugify

from console.base.kit import KitSite
from console.extensions import badges, count_badges
from core.actors import Actor

DESK: Final = "Desk"
APPROVALS: Final = "Approvals"
AGENTS: Final = "Agents"
FIGURES: Final = "Figures"
SETTINGS: Final = "Settings"
YOURS: Final = "Your account"
AREAS: Final = {DESK: "chat", APPROVALS: "check-circle", AGENTS: "agent", FIGURES: "scale", SETTINGS: "sliders"}
"""The areas in their order, each with its icon. `YOURS` is none of them: it is the menu under the person's name."""

ORGANISATION: Final = "Organisation"
CHANNELS: Final = "Channels and email"
CONVERSATIONS: Final = "Conversations"
APPROVAL_RULES: Final = "Approval rules"
MODELS: Final = "Agents and models"
DATA: Final = "Data and security"
GROUPS: Final = {
    ORGANISATION: "users",
    CHANNELS: "send",
    CONVERSATIONS: "chat",
    APPROVAL_RULES: "route",
    MODELS: "bolt",
    DATA: "shield",
}
"""The groups of the settings, which are the second level of their area, each with its icon."""


@dataclass(frozen=True, slots=True)
class Nav:
    """An admin's place in the navigation: an area, or a group of the settings.

    A page of another area that has a group is listed in the settings, too. A page `within` another one is no link
    by itself: its breadcrumbs lead there.
    """

    label: str
    icon: str
    area: str
    group: str = ""
    order: int = 50
    badges: tuple[str, ...] = ()
    within: str = ""

    @property
    def parent(self) -> str:
        """Return the label of the page that this one is below, or ""."""
        return self.within or (self.group if self.area == SETTINGS else "")

    @property
    def rank(self) -> tuple[int, int, int]:
        """Return the page's place among all."""
        group = (*GROUPS,).index(self.group) if self.area == SETTINGS and self.group else -1
        return (*AREAS, YOURS).index(self.area), group, self.order


class Place(NamedTuple):
    """A page that somebody may open; `about` is its sentence in the settings. Lists have an admin."""

    nav: Nav
    url: str
    about: str = ""
    model_admin: Any = None


@dataclass(slots=True)
class Entry:
    """One link of the navigation on one page; `current` is a value of `aria-current`, or empty."""

    label: str
    icon: str
    url: str
    current: str
    badges: list[dict[str, Any]]


@dataclass(slots=True)
class Area:
    """The link of an area with the badges of its pages; of the current one they are on its second level."""

    link: Entry
    entries: list[Entry]


@dataclass(slots=True)
class Navigation:
    """What one page shows of the navigation; `trail` are names and URLs of what the page is in, the area first."""

    places: list[Place]
    areas: list[Area]
    own: list[Entry]
    trail: list[tuple[str, str]]


# Pages of sign-in, which have no admin: everyone may open them, for themselves.
OWN_PAGES: Final = (
    (Nav("Sign-in security", "shield", YOURS, order=70), "mfa_index", "Your second factor and recovery codes."),
    (Nav("Approval emails", "mail", YOURS, order=80), "mail_preference", "Whether requests reach you by email."),
    (Nav("Change password", "key", YOURS, order=90), "account_change_password", "The password you sign in with."),
)


def list_places(site: KitSite, viewer: Actor) -> list[Place]:
    """Return all pages that the viewer may open, in order, also those within others."""
    home, settings = reverse(f"{site.name}:index"), reverse(f"{site.name}:settings")
    placed = [Place(Nav("Dashboard", "home", DESK, order=0), home)]
    placed += [Place(Nav(SETTINGS, AREAS[SETTINGS], SETTINGS, order=0), settings)]
    placed += [Place(nav, reverse(name), about) for nav, name, about in OWN_PAGES]
    registry: dict[Any, Any] = site._registry
    for model_admin in registry.values():
        if model_admin.opens_to(viewer):
            sentence = model_admin.intro.partition(". ")[0].removesuffix(".") + "."
            placed.append(Place(model_admin.nav, model_admin.list_url(), sentence, model_admin))
            placed += [
                Place(nav, reverse(f"{site.name}:{name}"), *about) for nav, name, *about in model_admin.site_pages
            ]
    filled = {place.nav.group for place in placed if place.nav.area == SETTINGS}
    for order, (group, icon) in enumerate(GROUPS.items(), start=1):
        if group in filled:
            url = reverse(f"{site.name}:settings_group", args=[slugify(group)])
            placed.append(Place(Nav(group, icon, SETTINGS, order=order), url))
    return sorted(placed, key=lambda place: place.nav.rank)


def build(site: KitSite, viewer: Actor, tenant_id: UUID, path: str, *, fresh: bool = False) -> Navigation:
    """Return the areas, the person's own pages and the trail to a path; `fresh` bypasses the badge cache."""
    places = list_places(site, viewer)
    numbers = count_badges(viewer, tenant_id, tuple(key for place in places for key in place.nav.badges), fresh=fresh)
    way = find_way(places, path)
    here = way[-1].nav if way else None
    areas = []
    for name, icon in AREAS.items():
        pages = [place for place in places if place.nav.area == name]
        if not pages:
            continue
        if here is None or here.area != name:
            areas.append(Area(Entry(name, icon, pages[0].url, "", _marks(pages, numbers)), []))
            continue
        second = []
        for nav, url, *_ in pages:
            if not nav.parent and nav.label != SETTINGS:
                below = [page for page in pages if nav.label in (page.nav.label, page.nav.parent)]
                second.append(Entry(nav.label, "", url, _current(url, way, path), _marks(below, numbers)))
        areas.append(Area(Entry(name, icon, pages[0].url, "page" if here.label == SETTINGS else "true", []), second))
    own = [
        Entry(nav.label, nav.icon, url, _current(url, way, path), []) for nav, url, *_ in places if nav.area == YOURS
    ]
    # The page's own breadcrumbs begin with its name.
    links = {area.link.label: area.link.url for area in areas}
    steps = {here.area: links.get(here.area, ""), **{nav.label: url for nav, url, *_ in way}} if here else {}
    trail = [(name, url) for name, url in steps.items() if here and name != here.label]
    return Navigation(places, areas, own, trail)


def find_way(places: list[Place], path: str) -> list[Place]:
    """Return the page that a path begins with, after those it is below; nothing for a page of no area."""
    # The dashboard is the first, and every address begins with its.
    found = [place for place in places[1:] if path.startswith(place.url)] or [p for p in places[:1] if p.url == path]
    way = [max(found, key=lambda place: len(place.url))] if found else []
    while way and way[0].nav.parent:
        nav = way[0].nav
        way = [next(place for place in places if (place.nav.area, place.nav.label) == (nav.area, nav.parent)), *way]
    return way


def _current(url: str, way: list[Place], path: str) -> str:
    if not any(place.url == url for place in way):
        return ""
    return "page" if url == path else "true"


def _marks(places: list[Place], numbers: dict[str, int]) -> list[dict[str, Any]]:
    counted = [(badges.get(key), numbers.get(key, 0)) for place in places for key in place.nav.badges]
    return [{"label": badge.label, "tone": badge.tone, "count": count} for badge, count in counted if count]
