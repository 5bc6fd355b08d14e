"""The viewer of a console page: the signed-in person's actor, set by the middleware."""

from collections.abc import Callable
from typing import Final

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from core.actors import Actor
from core.tenancy.models import TenantModel

SAME_LOOK_SECONDS: Final = 600


def viewer_or_none(request: HttpRequest) -> Actor | None:
    """Return the actor of the request, or None if no member of the tenant is signed in."""
    actor = getattr(request, "actor", None)
    is_person = isinstance(actor, Actor) and actor.kind == "user" and getattr(request, "tenant", None)
    return actor if is_person else None


def viewer_of(request: HttpRequest) -> Actor:
    """Return the actor of the request; raises `PermissionDenied` if there is none."""
    actor = viewer_or_none(request)
    if actor is None:
        raise PermissionDenied("Sign in as a member of this organisation.")
    return actor


def opens_in_place(request: HttpRequest) -> bool:
    """Return True if a page opens this one inside itself: it wants the content, without the frame around it."""
    return request.headers.get("X-Walker-Fragment") in ("open", "row")


def opens_beside_list(request: HttpRequest) -> bool:
    """Return True if a page opens another row of the list that it shows: the list and the frame stay as they are."""
    return request.headers.get("X-Walker-Fragment") == "row"


def reads_rest(request: HttpRequest) -> bool:
    """Return True if a page that opened another row reads what it left out: what stands beside and in menus."""
    return request.headers.get("X-Walker-Fragment") == "rest"


def opens_form(request: HttpRequest) -> bool:
    """Return True if a page reads the form of an action that is opened on it."""
    return request.headers.get("X-Walker-Fragment") == "form"


def reads_fresh_parts(request: HttpRequest) -> bool:
    """Return True if the page reads the parts again that show work under way, and nothing around them."""
    return request.headers.get("X-Walker-Fragment") == "fresh"


def is_fragment(request: HttpRequest) -> bool:
    """Return True if the page requests only its live parts."""
    return request.headers.get("X-Walker-Fragment") == "1"


def record_look(request: HttpRequest, obj: TenantModel, record: Callable[[], object]) -> None:
    """Call `record`, which writes that the viewer looks at a row.

    A live refresh, or the rest of a page, continues a recorded look: with one for each, the audit log would say how
    busy the console is, and open pages would wait for each other at its head.
    """
    key = f"{obj.tenant_id}:console-viewed:{viewer_of(request).user_id}:{obj.pk}"
    continues = is_fragment(request) or reads_rest(request)
    if not continues or cache.get(key) is None:
        record()
    cache.set(key, 1, timeout=SAME_LOOK_SECONDS)
