"""The index of settings: every one that the viewer may open, with a sentence, in groups, and searched by words."""

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.utils.text import slugify

from console.base.kit import KitSite
from console.navigation import GROUPS, SETTINGS, YOURS, Navigation, Place
from core.text.clean import clean_text

WORDS_LIMIT: Final = 100


def view(site: KitSite, request: HttpRequest, group: str = "") -> HttpResponse:
    """Show the settings, or those of one group; `q` narrows them without a script."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET"])
    context = site.each_context(request)
    words = clean_text(request.GET.get("q", ""), WORDS_LIMIT)
    groups = find(context["navigation"], "" if group else words)
    if group:
        groups = {title: found for title, found in groups.items() if slugify(title) == group}
        if not groups:
            raise Http404("This page doesn't exist or you don't have access to it.")
    title = next(iter(groups)) if group else SETTINGS
    shown: dict[str, Any] = {"title": title, "groups": groups, "words": words, "group": group}
    return TemplateResponse(request, "console/settings.html", {**context, **shown})


def find(navigation: Navigation, words: str = "") -> dict[str, list[Place]]:
    """Return the settings whose name, sentence or group has all the words, by group."""
    parts = words.lower().split()
    found: dict[str, list[Place]] = {group: [] for group in (*GROUPS, YOURS)}
    for place in sorted(navigation.places, key=lambda place: place.nav.order):
        group = YOURS if place.nav.area == YOURS else place.nav.group
        text = f"{place.nav.label} {place.about} {group}".lower()
        if group and not place.nav.within and all(part in text for part in parts):
            found[group].append(place)
    return {group: places for group, places in found.items() if places}
