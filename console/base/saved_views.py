"""Saved views of a list: its menu, and what to say when a view's filter is gone."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.contrib.admin import AdminSite
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts import saved_views
from accounts.models import SavedView
from console.base.lists import SelectFilter
from console.navigation import Nav
from console.viewers import viewer_of
from core.actors import Actor
from core.errors import Invalid

VIEW: Final = "view"


class ListAdmin(Protocol):
    """The admin of a list that has saved views."""

    nav: ClassVar[Nav]
    view_parameter: ClassVar[str]

    @property
    def model(self) -> type[Model]: ...

    def list_parameters(self) -> Collection[str]: ...

    def list_url(self) -> str: ...

    def opens_to(self, viewer: Actor, /) -> bool: ...


class ViewFilter(SelectFilter):
    """The saved view that a list was opened by; its filters are parameters of their own."""

    title, parameter_name, any_label, is_hidden = "View", VIEW, "", True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Accept any id."""
        given = request.GET.get(VIEW, "")
        return [(given, "")] if given else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep all rows."""
        return queryset


@dataclass(frozen=True, slots=True)
class ViewLink:
    """One of the viewer's views in the menu of its list."""

    name: str
    url: str
    edit_url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class ViewMenu:
    """The viewer's views of a list, and what can be saved as another one."""

    links: tuple[ViewLink, ...]
    current: ViewLink | None
    note: str
    list_key: str
    query: str
    save_url: str
    manage_url: str


def menu_of(admin: ListAdmin, request: HttpRequest, *, ignored: Mapping[str, str]) -> ViewMenu | None:
    """Return the menu of a list's views, None for a viewer who has none. One query.

    `ignored` are parameters of the address whose values the list doesn't offer.
    """
    viewer = viewer_of(request)
    if not viewer.may(saved_views.USE) or viewer.user_id is None:
        return None
    own = list(saved_views.list_own(viewer=viewer, list_key=key_of(admin)))
    opened = next((view for view in own if str(view.pk) == request.GET.get(admin.view_parameter)), None)
    links = tuple(ViewLink(view.name, url_of(admin, view), _url("change", view.pk), view is opened) for view in own)
    return ViewMenu(
        links=links,
        current=next((link for link in links if link.is_current), None),
        note=_note(admin, opened, ignored) if opened else "",
        list_key=key_of(admin),
        query=known_part(admin, request.GET.urlencode()),
        save_url=_url("save"),
        manage_url=_url("changelist"),
    )


def key_of(admin: ListAdmin) -> str:
    """Return the key under which views of a list are kept."""
    return str(admin.model._meta.label_lower)


def url_of(admin: ListAdmin, view: SavedView) -> str:
    """Return the address of a list as a view keeps it, without what the list no longer knows."""
    known = known_part(admin, view.query)
    return f"{admin.list_url()}?{f'{known}&' if known else ''}{urlencode({admin.view_parameter: view.pk})}"


def list_of(site: AdminSite, list_key: str) -> ListAdmin | None:
    """Return the list of a key, if it has saved views."""
    lists: list[Any] = [each for each in site._registry.values() if getattr(each, "has_saved_views", False)]
    return next((each for each in lists if key_of(each) == list_key), None)


def require_known(admin: ListAdmin | None, viewer: Actor, query: str) -> str:
    """Return a query string in the order kept; raises `Invalid` for no such list or filter of the viewer's."""
    if admin is None or not admin.opens_to(viewer):
        problem = "There is no such list."
        raise Invalid(problem, code="unknown_list", fields={"list_key": [problem]})
    known = admin.list_parameters()
    unknown = sorted(set(_pairs(query)) - set(known))
    if unknown:
        problem = f"“{unknown[0][:40]}” isn't a filter of this list. There are {', '.join(sorted(known))}."
        raise Invalid("This view can't be saved.", fields={"query": [problem]})
    return known_part(admin, query)


def known_part(admin: ListAdmin, query: str) -> str:
    """Return the part of a query string that a list knows, in one order; without page and view."""
    known = admin.list_parameters()
    return urlencode(sorted((name, value) for name, value in _pairs(query).items() if name in known and value.strip()))


def _pairs(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, max_num_fields=40))
    except ValueError:
        return {}


def _note(admin: ListAdmin, view: SavedView, ignored: Mapping[str, str]) -> str:
    """Return which filters of the opened view are gone, in words; "" if none is."""
    known = admin.list_parameters()
    # A value that is no longer offered, such as a retired kind, is ignored by its filter.
    gone = [name for name, value in _pairs(view.query).items() if name not in known or ignored.get(name) == value]
    if not gone:
        return ""
    which = ", ".join(f"“{name}”" for name in gone)
    verb = "no longer exists and is" if len(gone) == 1 else "no longer exist and are"
    noun = "filter" if len(gone) == 1 else "filters"
    return f"This view uses the {noun} {which}, which {verb} left out. The rest is applied."


def _url(page: str, *args: UUID) -> str:
    return reverse(f"admin:accounts_savedview_{page}", args=args)
