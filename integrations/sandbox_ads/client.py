"""Client of the sandbox platform's API: typed calls, money as Decimal, failures as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar, get_type_hints
from urllib.parse import quote

from core.http import Reply
from integrations.calls.answers import Answer
from integrations.calls.operations import Operation, Request, is_refusal
from integrations.calls.runner import Client
from integrations.sandbox_ads.types import (
    AdsAccount,
    Audience,
    Campaign,
    CampaignFigures,
    ContentItem,
    Effect,
    KeyStatus,
    Page,
    Ranking,
)

T = TypeVar("T")
Body = dict[str, Any]
LONGEST_TEXT: Final = 200_000
READ_SECONDS: Final = 5.0
CHANGE_SECONDS: Final = 20.0


def _proves_nothing(reply: Reply) -> bool:
    """A refusal did nothing, unless the key was used for another change: then a person has to check."""
    body = reply.json()
    return is_refusal(reply) and not (isinstance(body, dict) and body.get("code") == "key_reused")


_reading = partial(Operation, seconds=READ_SECONDS)
_change = partial(Operation, method="POST", seconds=CHANGE_SECONDS, executes=True, proves_nothing=_proves_nothing)
READ_ACCOUNT: Final = _reading("read_account")
LIST_CAMPAIGNS: Final = _reading("list_campaigns")
LIST_FIGURES: Final = _reading("list_figures")
LIST_RANKINGS: Final = _reading("list_rankings")
LIST_PAGES: Final = _reading("list_pages")
LIST_CONTENT: Final = _reading("list_content")
READ_CONTENT: Final = _reading("read_content")
LIST_AUDIENCES: Final = _reading("list_audiences")
READ_KEY: Final = _reading("read_key", keeps_last=False)
SET_BUDGET: Final = _change("set_budget", repeats="with_key")
UPDATE_PAGE: Final = _change("update_page", repeats="with_key")
# The platform takes no key for these: a second call has a second effect.
PAUSE_CAMPAIGN: Final = _change("pause_campaign")
PUBLISH_CONTENT: Final = _change("publish_content")


class SandboxAdsClient(Client):
    """One account of the platform."""

    def get_account(self) -> Answer[AdsAccount]:
        """Return the account of the token."""
        return self._read(READ_ACCOUNT, "/v1/account", lambda body: AdsAccount(**body))

    def list_campaigns(self, *, name: str = "") -> Answer[list[Campaign]]:
        """Return all campaigns, or those with exactly this name, ignoring case."""
        return self._read_list(LIST_CAMPAIGNS, "/v1/campaigns", parse_campaign, {"name": name} if name else {})

    def list_figures(self, first: date, last: date) -> Answer[list[CampaignFigures]]:
        """Return the sums of each campaign from the first to the last day."""
        period = {"by": "campaign", "from": first.isoformat(), "to": last.isoformat()}
        return self._read_list(LIST_FIGURES, "/v1/metrics", partial(parse_row, CampaignFigures), period)

    def list_rankings(self) -> Answer[list[Ranking]]:
        """Return the rankings of all keywords and pages."""
        return self._read_list(LIST_RANKINGS, "/v1/rankings", parse_ranking)

    def list_pages(self, *, slug: str = "") -> Answer[list[Page]]:
        """Return all pages, or the one with this slug."""
        return self._read_list(LIST_PAGES, "/v1/pages", partial(parse_row, Page), {"slug": slug} if slug else {})

    def list_content(self) -> Answer[list[ContentItem]]:
        return self._read_list(LIST_CONTENT, "/v1/content", parse_content)

    def get_content_text(self, content_id: str) -> Answer[str]:
        """Return the full text of a content item, or ""."""
        return self._read(READ_CONTENT, f"/v1/content/{_part(content_id)}", parse_content_text)

    def list_audiences(self) -> Answer[list[Audience]]:
        return self._read_list(LIST_AUDIENCES, "/v1/audiences", parse_audience)

    def get_key_status(self, key: str) -> Answer[KeyStatus]:
        """Return whether an idempotency key has taken effect so far."""
        return self._read(READ_KEY, f"/v1/operations/{_part(key)}", parse_key_status)

    def set_budget(
        self, campaign_id: str, *, daily_budget: Decimal, currency: str, key: str, expected_old: Decimal | None = None
    ) -> Answer[Effect]:
        """Set a daily budget; repeating it with the same key returns the first answer."""
        body = {"daily_budget": f"{daily_budget:.2f}", "currency": currency}
        if expected_old is not None:
            body["expected_old"] = f"{expected_old:.2f}"
        return self._change(SET_BUDGET, f"/v1/campaigns/{_part(campaign_id)}/budget", body, key)

    def pause_campaign(self, campaign_id: str) -> Answer[Effect]:
        """Pause a campaign; without a key, so repeating has a second effect."""
        return self._change(PAUSE_CAMPAIGN, f"/v1/campaigns/{_part(campaign_id)}/pause", {})

    def update_page_meta(self, page_id: str, *, changes: Mapping[str, str], key: str) -> Answer[Effect]:
        """Set `title`, `meta_description` or both, with a key like a budget."""
        return self._change(UPDATE_PAGE, f"/v1/pages/{_part(page_id)}/meta", dict(changes), key)

    def publish_content(self, content_id: str) -> Answer[Effect]:
        """Publish a content item; without a key, so repeating has a second effect."""
        return self._change(PUBLISH_CONTENT, f"/v1/content/{_part(content_id)}/publish", {})

    def _read(
        self, operation: Operation, path: str, parse: Callable[[Body], T], params: Mapping[str, str] | None = None
    ) -> Answer[T]:
        return self._call(operation, Request(path, params or {}), parse)

    def _read_list(
        self, operation: Operation, path: str, parse: Callable[[Body], T], params: Mapping[str, str] | None = None
    ) -> Answer[list[T]]:
        return self._read(operation, path, lambda body: [parse(item) for item in body["items"]], params)

    def _change(self, operation: Operation, path: str, body: Mapping[str, str], key: str = "") -> Answer[Effect]:
        return self._call(operation, Request(path, json=dict(body), key=key), parse_effect)


def _part(text: str) -> str:
    """Quote one path segment, so that an id from outside can't reach another endpoint."""
    return quote(text, safe="").replace(".", "%2E")


def parse_row(cls: type[T], body: Body, **given: Any) -> T:
    """Return a row from the fields of its JSON that have its names, but for those `given`; amounts come as text."""
    for name, kind in get_type_hints(cls).items():
        if name not in given:
            given[name] = Decimal(body[name]) if kind is Decimal else body[name]
    return cls(**given)


def parse_campaign(body: Body) -> Campaign:
    """Return a campaign from its JSON."""
    return parse_row(Campaign, {**body, **body["last_7_days"]})


def parse_ranking(body: Body) -> Ranking:
    """Return a ranking from its JSON."""
    return parse_row(Ranking, body, page_id=body["page"])


def parse_content(body: Body) -> ContentItem:
    found = {"views_before": None, **body, **body["performance"]}
    return parse_row(ContentItem, found, published_at=body["published_at"] or "")


def parse_content_text(body: Body) -> str:
    text = body.get("text") or ""
    if not isinstance(text, str):
        raise TypeError("the text is not a string")
    if len(text) > LONGEST_TEXT:
        raise ValueError("the text is too long for an approver to read")
    return text


def parse_audience(body: Body) -> Audience:
    """Return an audience from its JSON."""
    last = body["last_contacted"]
    return parse_row(Audience, body, last_contacted=date.fromisoformat(last) if last else None)


def parse_effect(body: Body) -> Effect:
    """Return an effect from the answer to a change."""
    return parse_row(Effect, body, journal_id=int(body["journal_id"]), resource=dict(body["resource"]))


def parse_key_status(body: Body) -> KeyStatus:
    """Return a key's status from its JSON."""
    took_effect = body["took_effect"]
    if took_effect not in (True, False):
        raise ValueError("took_effect is not a boolean")
    return parse_row(KeyStatus, body, effect=parse_effect(body["answer"]) if took_effect else None)
