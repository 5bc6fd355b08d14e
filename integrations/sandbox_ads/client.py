"""Client of the sandbox platform's API: typed calls, money as Decimal, failures as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar, get_type_hints
from urllib.parse import quote

from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply, host_of
from integrations.sandbox_ads.types import (
    AdsAccount,
    Answer,
    Audience,
    Campaign,
    CampaignFigures,
    CleanFailure,
    ContentItem,
    Effect,
    KeyStatus,
    Ok,
    Page,
    Ranking,
    Unknown,
)

T = TypeVar("T")
Body = dict[str, Any]
LONGEST_TEXT: Final = 200_000


class SandboxAdsClient:
    """One account of the platform. Reads never end in `Unknown`: they change nothing."""

    def __init__(self, base_url: str, token: str, *, patience: Patience | None = None) -> None:
        self._http = OutgoingHttp(
            base_url,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            patience=patience,
            # The operator named this host; a tenant cannot.
            private_hosts=[host_of(base_url)],
        )

    def __enter__(self) -> SandboxAdsClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get_account(self) -> Answer[AdsAccount]:
        """Return the account of the token."""
        return self._read("/v1/account", lambda body: AdsAccount(**body))

    def list_campaigns(self, *, name: str = "") -> Answer[list[Campaign]]:
        """Return all campaigns, or those with exactly this name, ignoring case."""
        return self._read_list("/v1/campaigns", parse_campaign, {"name": name} if name else {})

    def list_figures(self, first: date, last: date) -> Answer[list[CampaignFigures]]:
        """Return the sums of each campaign from the first to the last day."""
        period = {"by": "campaign", "from": first.isoformat(), "to": last.isoformat()}
        return self._read_list("/v1/metrics", partial(parse_row, CampaignFigures), period)

    def list_rankings(self) -> Answer[list[Ranking]]:
        """Return the rankings of all keywords and pages."""
        return self._read_list("/v1/rankings", parse_ranking)

    def list_pages(self, *, slug: str = "") -> Answer[list[Page]]:
        """Return all pages, or the one with this slug."""
        return self._read_list("/v1/pages", partial(parse_row, Page), {"slug": slug} if slug else {})

    def list_content(self) -> Answer[list[ContentItem]]:
        return self._read_list("/v1/content", parse_content)

    def get_content_text(self, content_id: str) -> Answer[str]:
        """Return the full text of a content item, or ""."""
        return self._read(f"/v1/content/{_part(content_id)}", parse_content_text)

    def list_audiences(self) -> Answer[list[Audience]]:
        return self._read_list("/v1/audiences", parse_audience)

    def get_key_status(self, key: str) -> Answer[KeyStatus]:
        """Return whether an idempotency key has taken effect so far."""
        return self._read(f"/v1/operations/{_part(key)}", parse_key_status)

    def set_budget(
        self, campaign_id: str, *, daily_budget: Decimal, currency: str, key: str, expected_old: Decimal | None = None
    ) -> Answer[Effect]:
        """Set a daily budget; repeating it with the same key returns the first answer."""
        body = {"daily_budget": f"{daily_budget:.2f}", "currency": currency}
        if expected_old is not None:
            body["expected_old"] = f"{expected_old:.2f}"
        return self._change(f"/v1/campaigns/{_part(campaign_id)}/budget", body, key)

    def pause_campaign(self, campaign_id: str) -> Answer[Effect]:
        """Pause a campaign; without a key, so repeating has a second effect."""
        return self._change(f"/v1/campaigns/{_part(campaign_id)}/pause", {})

    def update_page_meta(self, page_id: str, *, changes: Mapping[str, str], key: str) -> Answer[Effect]:
        """Set `title`, `meta_description` or both, with a key like a budget."""
        return self._change(f"/v1/pages/{_part(page_id)}/meta", dict(changes), key)

    def publish_content(self, content_id: str) -> Answer[Effect]:
        """Publish a content item; without a key, so repeating has a second effect."""
        return self._change(f"/v1/content/{_part(content_id)}/publish", {})

    def _read(self, path: str, parse: Callable[[Body], T], params: Mapping[str, str] | None = None) -> Answer[T]:
        reply = self._http.request("GET", path, params=params)
        if isinstance(reply, NotSent | NoAnswer):
            return CleanFailure(reply.code, reply.detail, retry=isinstance(reply, NoAnswer) or reply.retry)
        if reply.status != 200:
            return _refusal(reply)
        return _parse(reply, parse) or CleanFailure("bad_answer", "The answer could not be read.")

    def _read_list(
        self, path: str, parse: Callable[[Body], T], params: Mapping[str, str] | None = None
    ) -> Answer[list[T]]:
        return self._read(path, lambda body: [parse(item) for item in body["items"]], params)

    def _change(self, path: str, body: Mapping[str, str], key: str = "") -> Answer[Effect]:
        headers = {"Idempotency-Key": key} if key else {}
        reply = self._http.request("POST", path, json=dict(body), headers=headers)
        # A failure is clean only if it proves that nothing happened; a 5xx or a redirect doesn't.
        if isinstance(reply, NotSent):
            return CleanFailure(reply.code, reply.detail, retry=reply.retry)
        if isinstance(reply, NoAnswer):
            return Unknown(reply.code, reply.detail)
        if 400 <= reply.status < 500:
            refusal = _refusal(reply)
            # The key was used for another change: a person has to check.
            is_reused = refusal.code == "key_reused"
            return Unknown(refusal.code, refusal.detail) if is_reused else refusal
        if reply.status != 200:
            return Unknown("server_error", f"The platform answered {reply.status}.")
        return _parse(reply, parse_effect) or Unknown("bad_answer", "The answer could not be read.")


def _part(text: str) -> str:
    """Quote one path segment, so that an id from outside can't reach another endpoint."""
    return quote(text, safe="").replace(".", "%2E")


def _parse(reply: Reply, parse: Callable[[Body], T]) -> Ok[T] | None:
    body = reply.json()
    try:
        return Ok(parse(body), replayed=bool(body.get("replayed")))
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
        return None


def _refusal(reply: Reply) -> CleanFailure:
    """Return the failure of an error answer; 429 and 5xx (of a read) can be retried."""
    body = reply.json()
    body = body if isinstance(body, dict) else {}
    wait = reply.headers.get("Retry-After", "")
    return CleanFailure(
        code=str(body.get("code", f"http_{reply.status}"))[:60],
        detail=str(body.get("detail", f"The platform answered {reply.status}."))[:300],
        retry=reply.status in (408, 425, 429) or reply.status >= 500,
        retry_after=float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 7 else None,
        facts={name: body[name] for name in ("fields", "current") if name in body},
    )


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
