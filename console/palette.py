"""The palette: pages, references, people and settings by a few typed words.

Words are posted, so that no name stands in a URL or a log. The number of queries is fixed: one for each finder.
"""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from console import navigation
from console.base.kit import KitSite
from console.extensions import MOST_FOUND, Found, finders
from console.viewers import viewer_of
from core.actors import Actor
from core.text.clean import clean_text

WORDS_LIMIT: Final = 100
TITLE: Final = "Go to"


def view(site: KitSite, request: HttpRequest) -> HttpResponse:
    """Show the search page (GET) or what was found (POST), as JSON for the palette."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "POST"])
    viewer = viewer_of(request)
    words = clean_text(request.POST.get("words", ""), WORDS_LIMIT)
    groups = find(site, viewer, words)
    if request.headers.get("Accept") == "application/json":
        entries = {title: [{"label": f.label, "note": f.note, "url": f.url} for f in found] for title, found in groups}
        return JsonResponse({"groups": [{"title": title, "entries": rows} for title, rows in entries.items()]})
    context: dict[str, Any] = {**site.each_context(request), "title": TITLE, "words": words, "groups": groups}
    return TemplateResponse(request, "console/go.html", context)


def find(site: KitSite, viewer: Actor, words: str) -> list[tuple[str, list[Found]]]:
    """Return what the words name, in groups that are not empty; all pages without words."""
    places = [place for place in navigation.list_places(site, viewer) if not place.nav.within]
    pages = [Found(nav.label, f"{nav.area}, {nav.parent}" if nav.parent else nav.area, url) for nav, url, *_ in places]
    pages = _matching(pages, words)
    if not words:
        return [("Pages", pages)]
    known = [(kind.order, kind) for _, kind in finders.items() if viewer.may(kind.permission)]
    found = [(kind.title, kind().find(viewer, words)) for _, kind in sorted(known, key=lambda pair: pair[0])]
    actions = [
        Found(action.title, place.nav.label, reverse(f"{site.name}:{name}"))
        for place in places
        for name, action in getattr(place.model_admin, "list_actions", dict)().items()
        if viewer.may(action.permission)
    ]
    groups = [*found, ("Pages", pages), ("Actions", _matching(actions, words))]
    return [(title, rows[:MOST_FOUND]) for title, rows in groups if rows]


def _matching(entries: list[Found], words: str) -> list[Found]:
    """Keep what has all the words in its label or note; labels that begin with them come first."""
    parts = words.lower().split()
    kept = [entry for entry in entries if all(part in f"{entry.label} {entry.note}".lower() for part in parts)]
    return sorted(kept, key=lambda entry: not entry.label.lower().startswith(words.lower()))
