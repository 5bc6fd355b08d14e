"""Every URL of the resolver, by name."""

from collections.abc import Iterator
from typing import Any

from django.urls import NoReverseMatch, get_resolver, reverse

from tests.security.town import Town


def every_url() -> dict[str, str]:
    """Return the routes of all URLs by their full names; a URL without a name goes by its route."""
    return dict(_walk(get_resolver(), "", ""))


def _walk(resolver: Any, prefix: str, space: str) -> Iterator[tuple[str, str]]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from _walk(entry, route, f"{space}{entry.namespace}:" if entry.namespace else space)
        else:
            yield (f"{space}{entry.name}" if entry.name else route), route


def path_of(name: str, route: str, town: Town) -> str:
    """Return the path of a URL, filled with the first tenant's ids."""
    try:
        return reverse(name, kwargs=town.arguments(name, route))
    except NoReverseMatch:
        return "/admin/nothing/here/"
