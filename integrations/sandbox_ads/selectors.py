"""What agents' reading tools ask: the platform through the account of the tenant in scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.conf import settings

from core.errors import Invalid, Unavailable
from core.text.matching import closest, normalise_name
from integrations.http import Patience
from integrations.sandbox_ads.client import SandboxAdsClient
from integrations.sandbox_ads.types import (
    AdsAccount,
    Answer,
    Audience,
    Campaign,
    ContentItem,
    Ok,
    Page,
    Ranking,
)
from integrations.selectors import get_credentials

PROVIDER = "sandbox_ads"
MAX_CHOICES = 20
T = TypeVar("T")


def connect(*, patience: Patience | None = None) -> SandboxAdsClient:
    """Return a client for the tenant's account; raises Unavailable without address or token."""
    url = settings.SANDBOX_ADS_URL
    if not url:
        raise Unavailable("SANDBOX_ADS_URL is not set.", code="not_configured")
    token = str(get_credentials(provider=PROVIDER).get("token", ""))
    if not token:
        raise Unavailable("The advertising account has no token.", code="not_connected")
    return SandboxAdsClient(url, token, patience=patience)


def value_of(answer: Answer[T]) -> T:
    """Return what a read brought; raises Unavailable with the platform's own code otherwise."""
    if isinstance(answer, Ok):
        return answer.value
    raise Unavailable("The advertising platform did not answer as expected.", code=f"ads_{answer.code}"[:60])


def _ask(question: Callable[[SandboxAdsClient], Answer[T]]) -> T:
    with connect() as client:
        return value_of(question(client))


def get_account() -> AdsAccount:
    """Return the tenant's account with its currency."""
    return _ask(lambda client: client.get_account())


def list_campaigns() -> list[Campaign]:
    """Return all campaigns with budgets and the last seven whole days."""
    return _ask(lambda client: client.list_campaigns())


def campaign_performance(name: str) -> Campaign:
    """Return one campaign, found by id or exact name; raises Invalid with the choices."""
    return find_campaign(name)


def list_rankings() -> list[Ranking]:
    """Return every keyword's place, the best first."""
    rows = _ask(lambda client: client.list_rankings())
    return sorted(rows, key=lambda row: row.position)


def content_performance() -> list[ContentItem]:
    """Return all content items, the most viewed first."""
    items = _ask(lambda client: client.list_content())
    return sorted(items, key=lambda item: -item.views)


def list_audiences() -> list[Audience]:
    """Return all audiences with size and last contact."""
    return _ask(lambda client: client.list_audiences())


def find_campaign(reference: str) -> Campaign:
    """Return the one campaign with this id or name; raises Invalid when none or several match."""
    return _only(list_campaigns(), reference, "campaign", lambda each: (each.id, each.name))


def find_page(reference: str) -> Page:
    """Return the one page with this id, slug, address or title; raises Invalid otherwise."""
    pages = _ask(lambda client: client.list_pages())
    return _only(pages, reference, "page", lambda each: (each.id, each.slug, each.url, each.title))


def find_content(reference: str) -> ContentItem:
    """Return the one content item with this id or title; raises Invalid otherwise."""
    items = _ask(lambda client: client.list_content())
    return _only(items, reference, "content", lambda each: (each.id, each.title))


def read_content(content_id: str) -> str:
    """Return the whole text of a content item, by id; raises Unavailable when it cannot be read."""
    return _ask(lambda client: client.get_content_text(content_id))


def _only(rows: list[T], reference: str, field: str, names: Callable[[T], tuple[str, ...]]) -> T:
    """Exact names only, upper and lower case alike: a near miss must be asked back, not guessed.

    An id counts before a name, a name before an address or a title.
    """
    wanted = normalise_name(reference)
    for column in range(len(names(rows[0])) if rows else 0):
        found = [row for row in rows if normalise_name(names(row)[column]) == wanted]
        written = [row for row in found if names(row)[column] == reference.strip()]
        if len(found) == 1 or len(written) == 1:
            return (written or found)[0]
        if found:
            raise _which(field, "ambiguous", [f"{names(row)[0]} — {names(row)[1]}" for row in found])
    labels = [_label(names(row)) for row in rows]
    near = closest(reference, labels)
    raise _which(field, "unknown_name", near or labels[:MAX_CHOICES], near=bool(near))


def _label(names: tuple[str, ...]) -> str:
    """What a person would call it, and behind a dash what else it is known by."""
    return f"{names[1]} — {names[-1]}" if len(names) > 2 else names[1]


def _which(field: str, code: str, choices: list[str], *, near: bool = True) -> Invalid:
    problem = "Several have this name." if code == "ambiguous" else "There is none with this name."
    return Invalid(f"Which {field}? {problem}", code=code, fields={field: [problem]}, choices=choices, near=near)
