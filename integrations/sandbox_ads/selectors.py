"""Reading from the sandbox platform, by an open client or through the account of the tenant in scope."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from typing import TypeVar

from core.errors import Invalid, Unavailable
from core.text.matching import closest, normalise_name
from integrations import platforms
from integrations.calls.answers import Answer, Ok
from integrations.calls.operations import Line
from integrations.sandbox_ads.client import SandboxAdsClient
from integrations.sandbox_ads.types import (
    AdsAccount,
    Audience,
    Campaign,
    CampaignFigures,
    ContentItem,
    Page,
    Ranking,
)

PROVIDER = "sandbox_ads"
MAX_CHOICES = 20
T = TypeVar("T")


def connect(*, attempts: int = 3) -> AbstractContextManager[SandboxAdsClient]:
    """Return a client for the tenant's account; raises Unavailable without address or token.

    What it reads was read now: kinds of action rest their facts on it.
    """
    connection = platforms.connection(PROVIDER)
    return connection.open(Line(connection.account, attempts=attempts))


def value_of(answer: Answer[T]) -> T:
    """Return the value of a read; raises Unavailable with the platform's code on failure."""
    if isinstance(answer, Ok):
        return answer.value
    raise Unavailable("The advertising platform didn't answer as expected.", code=f"ads_{answer.code}"[:60])


def _ask(question: Callable[[SandboxAdsClient], Answer[T]], client: SandboxAdsClient | None = None) -> T:
    """Ask by an open client, or by one of its own."""
    if client is not None:
        return value_of(question(client))
    with connect() as own:
        return value_of(question(own))


def get_account(client: SandboxAdsClient | None = None) -> AdsAccount:
    """Return the tenant's account with its currency."""
    return _ask(lambda each: each.get_account(), client)


def list_campaigns(client: SandboxAdsClient | None = None) -> list[Campaign]:
    """Return all campaigns with budgets and the last seven whole days."""
    return _ask(lambda each: each.list_campaigns(), client)


def list_figures(first: date, last: date, client: SandboxAdsClient | None = None) -> list[CampaignFigures]:
    """Return what each campaign cost and brought from the first to the last day."""
    return _ask(lambda each: each.list_figures(first, last), client)


def list_rankings(client: SandboxAdsClient | None = None) -> list[Ranking]:
    """Return every keyword's position, best first."""
    rows = _ask(lambda each: each.list_rankings(), client)
    return sorted(rows, key=lambda row: row.position)


def content_performance(client: SandboxAdsClient | None = None) -> list[ContentItem]:
    """Return all content items, most viewed first."""
    items = _ask(lambda each: each.list_content(), client)
    return sorted(items, key=lambda item: -item.views)


def list_audiences(client: SandboxAdsClient | None = None) -> list[Audience]:
    """Return all audiences with size and last contact."""
    return _ask(lambda each: each.list_audiences(), client)


def find_campaign(reference: str, client: SandboxAdsClient | None = None) -> Campaign:
    """Return the campaign with this id or name; raises Invalid unless exactly one matches."""
    return _only(list_campaigns(client), reference, "campaign", lambda each: (each.id, each.name))


def find_page(reference: str) -> Page:
    """Return the page with this id, slug, address or title; raises Invalid unless exactly one matches."""
    pages = _ask(lambda client: client.list_pages())
    return _only(pages, reference, "page", lambda each: (each.id, each.slug, each.url, each.title))


def find_content(reference: str) -> ContentItem:
    """Return the content item with this id or title; raises Invalid unless exactly one matches."""
    items = _ask(lambda client: client.list_content())
    return _only(items, reference, "content", lambda each: (each.id, each.title))


def read_content(content_id: str) -> str:
    """Return the full text of a content item by id; raises Unavailable if it can't be read."""
    return _ask(lambda client: client.get_content_text(content_id))


def _only(rows: list[T], reference: str, field: str, names: Callable[[T], tuple[str, ...]]) -> T:
    """Return the only exact match, ignoring case; a near miss is suggested, never chosen.

    Ids take precedence over names, and names over addresses and titles.
    """
    wanted = normalise_name(reference)
    for column in range(len(names(rows[0])) if rows else 0):
        matches = [row for row in rows if normalise_name(names(row)[column]) == wanted]
        exact = [row for row in matches if names(row)[column] == reference.strip()]
        if len(matches) == 1 or len(exact) == 1:
            return (exact or matches)[0]
        if matches:
            raise _which(field, "ambiguous", [f"{names(row)[0]} — {names(row)[1]}" for row in matches])
    # The name, and after a dash an address or title if there is one.
    labels = [f"{texts[1]} — {texts[-1]}" if len(texts) > 2 else texts[1] for texts in map(names, rows)]
    near = closest(reference, labels)
    raise _which(field, "unknown_name", near or labels[:MAX_CHOICES], near=bool(near))


def _which(field: str, code: str, choices: list[str], *, near: bool = True) -> Invalid:
    problem = "Several have this name." if code == "ambiguous" else "None has this name."
    return Invalid(f"Which {field}? {problem}", code=code, fields={field: [problem]}, choices=choices, near=near)
