"""What the sandbox platform answers, as frozen values: money is Decimal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class AdsAccount:
    """The account of a token; all its amounts are in `currency` (ISO 4217)."""

    id: str
    name: str
    currency: str


@dataclass(frozen=True)
class Campaign:
    """A campaign with its figures of the last seven whole days."""

    id: str
    name: str
    channel: str
    status: str
    daily_budget: Decimal
    currency: str
    spend: Decimal
    impressions: int
    clicks: int
    conversions: int


@dataclass(frozen=True)
class CampaignFigures:
    """What a campaign cost and brought in a period."""

    id: str
    name: str
    status: str
    currency: str
    spend: Decimal
    revenue: Decimal
    impressions: int
    clicks: int
    conversions: int


@dataclass(frozen=True)
class Ranking:
    """A page's position for a keyword; a positive `change` means it rose."""

    page_id: str
    slug: str
    keyword: str
    position: int
    change: int
    clicks: int


@dataclass(frozen=True)
class Page:
    """A page of the website as search engines see it."""

    id: str
    slug: str
    url: str
    title: str
    meta_description: str


@dataclass(frozen=True)
class ContentItem:
    """A content item and its performance."""

    id: str
    title: str
    kind: str
    status: str
    published_at: str
    views: int
    average_seconds: int
    conversions: int
    views_before: int | None = None
    """Of the thirty days before the last thirty; None if the platform doesn't say."""


@dataclass(frozen=True)
class Audience:
    """A group of people that can be written to."""

    id: str
    name: str
    size: int
    last_contacted: date | None


@dataclass(frozen=True)
class Effect:
    """A change that took effect, with its number in the platform's journal."""

    operation: str
    journal_id: int
    resource: Mapping[str, Any]


@dataclass(frozen=True)
class KeyStatus:
    """Whether a key has taken effect so far; a delayed request may still arrive."""

    key: str
    took_effect: bool
    effect: Effect | None = None
