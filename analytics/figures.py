"""Sections about figures: ads, search rankings, content and audiences, each with what stands out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from django.urls import reverse

from analytics.brief.collect import LIMIT, SHOWN, Reading
from analytics.schema import Figure, Finding, Row, Section, Setting, Tone, counted, finding, share, shown
from integrations.sandbox_ads.types import Audience, Campaign, ContentItem, Ranking

DAYS = 7
DEAR = Decimal("1.8")
FULL = Decimal("0.97")
FALL = 2
FIRST_PAGE = 10
NEAR = 3
STALE_DAYS = 30
BUTTONS = {
    "paid_ads": "set_campaign_budget", "rankings": "update_page_meta", "content": "publish_content",
    "audience": "send_audience_message",
}  # fmt: skip


def paid_ads(reading: Reading, setting: Setting) -> Section:
    """Return spend and conversions of the last seven days, the dearest campaign first."""
    words = setting.words
    campaigns: list[Campaign] = sorted(reading.rows, key=lambda row: -row.spend)
    if not campaigns:
        return _section("paid_ads", reading, setting, (), (), ())
    currency, spend = campaigns[0].currency, sum((row.spend for row in campaigns), Decimal(0))
    conversions = sum(row.conversions for row in campaigns)
    per = words.money(spend / conversions, currency, 2) if conversions else "–"
    top = (
        Figure(words.money(spend, currency), words.say("spend")),
        Figure(words.number(conversions), words.say("conversions")),
        Figure(per, words.say("per_conversion")),
    )
    rows = [_campaign(row, campaigns[0].spend, setting) for row in campaigns]
    return _section("paid_ads", reading, setting, top, rows, _about_ads(campaigns, spend, conversions, setting))


def _campaign(row: Campaign, most: Decimal, setting: Setting) -> Row:
    words = setting.words
    used = words.say(
        "budget_used",
        used=words.money(row.spend / DAYS, row.currency),
        budget=words.money(row.daily_budget, row.currency),
    )
    result = words.count("in_conversions", row.conversions) if row.conversions else words.say("no_conversions")
    state = [] if row.status == "active" else [words.say("paused") if row.status == "paused" else row.status]
    tone: Tone = "accent" if row.status == "active" else "neutral"
    return Row(
        title=row.name, note=" · ".join([*state, used, result]), value=words.money(row.spend, row.currency),
        bar=share(float(row.spend), float(most)), tone=tone,
    )  # fmt: skip


def _about_ads(rows: Sequence[Campaign], spend: Decimal, conversions: int, setting: Setting) -> list[Finding]:
    words, currency = setting.words, rows[0].currency
    total = words.money(spend, currency)
    if not conversions:
        return [finding("nothing_bought", 60, spend=total)] if spend else []
    average = spend / conversions
    told = words.number(conversions)
    found = [finding("spend", 0, spend=total, conversions=told, per=words.money(average, currency, 2))]
    active = [row for row in rows if row.status == "active" and row.spend]
    dear = max((row for row in active if row.conversions), key=_cost, default=None)
    if dear and _cost(dear) >= average * DEAR:
        facts = {"per": words.money(_cost(dear), currency, 2), "times": words.number(_cost(dear) / average, 1)}
        found.append(finding("dear", 55, name=dear.name, **facts))
    found += [
        finding("fruitless", 58, name=row.name, spend=words.money(row.spend, currency))
        for row in active
        if not row.conversions
    ][:1]
    full = [row for row in active if row.conversions and row.spend >= row.daily_budget * DAYS * FULL * FULL]
    cheap = min(full, key=_cost, default=None)
    if cheap and _cost(cheap) < average:
        found.append(finding("full", 40, name=cheap.name, per=words.money(_cost(cheap), currency, 2)))
    return found


def _cost(row: Campaign) -> Decimal:
    return row.spend / row.conversions


def rankings(reading: Reading, setting: Setting) -> Section:
    """Return what moved in search results, the largest moves first."""
    words = setting.words
    found: list[Ranking] = reading.rows
    if not found:
        return _section("rankings", reading, setting, (), (), ())
    up, down = [row for row in found if row.change > 0], [row for row in found if row.change < 0]
    top = (
        Figure(words.number(sum(row.position <= FIRST_PAGE for row in found)), words.say("top_ten")),
        Figure(words.number(len(up)), words.say("up"), "good" if up else "neutral"),
        Figure(words.number(len(down)), words.say("down"), "danger" if down else "neutral"),
    )
    moved = sorted(found, key=lambda row: (-abs(row.change), row.position))
    rows = [_ranking(row, setting) for row in moved]
    return _section("rankings", reading, setting, top, rows, _about_rankings(up, down, found, setting))


def _ranking(row: Ranking, setting: Setting) -> Row:
    tone: Tone = "good" if row.change > 0 else "danger" if row.change < 0 else "neutral"
    arrow = f"▲ {row.change}" if row.change > 0 else f"▼ {-row.change}" if row.change < 0 else "="
    place = setting.words.say("position", position=row.position)
    # The whole bar is the first place; the thirtieth and what lies behind it is next to nothing.
    return Row(row.keyword, f"{place} · {row.slug}", arrow, share(31 - min(row.position, 30), 30), tone)


def _about_rankings(
    up: Sequence[Ranking], down: Sequence[Ranking], rows: Sequence[Ranking], setting: Setting
) -> list[Finding]:
    found = []
    worst = min(down, key=lambda row: (row.change, row.position), default=None)
    best = max(up, key=lambda row: (row.change, -row.position), default=None)
    if best and best.change >= FALL:
        found.append(finding("climbed", 0, keyword=best.keyword, by=best.change, position=best.position))
    if worst and worst.change <= -FALL:
        facts: dict[str, str | int] = {"by": -worst.change, "position": worst.position, "page": worst.slug}
        found.append(finding("fell", 50, keyword=worst.keyword, **facts))
    near = [row for row in rows if FIRST_PAGE < row.position <= FIRST_PAGE + NEAR and row is not worst]
    likely = max(near, key=lambda row: row.clicks, default=None)
    if likely:
        found.append(finding("near", 30, keyword=likely.keyword, position=likely.position, page=likely.slug))
    return found


def content(reading: Reading, setting: Setting) -> Section:
    """Return what is read most, and the drafts that wait."""
    words = setting.words
    items: list[ContentItem] = sorted(reading.rows, key=lambda row: -row.views)
    if not items:
        return _section("content", reading, setting, (), (), ())
    drafts = [row for row in items if row.status == "draft"]
    live = [row for row in items if row.status != "draft"]
    top = (
        Figure(words.number(sum(row.views for row in live)), words.say("views")),
        Figure(words.number(sum(row.conversions for row in live)), words.say("conversions")),
        Figure(words.number(len(drafts)), words.say("drafts"), "warn" if drafts else "neutral"),
    )
    rows = [_content(row, items[0].views, setting) for row in live]
    found = [counted("drafts", len(drafts), 25, title=drafts[0].title)] if drafts else []
    return _section("content", reading, setting, top, rows, found)


def _content(row: ContentItem, most: int, setting: Setting) -> Row:
    words = setting.words
    seconds = row.average_seconds
    span = words.span(timedelta(seconds=seconds)) if seconds >= 120 else words.say("seconds", n=seconds)
    read = words.say("read_for", span=span)
    result = words.count("in_conversions", row.conversions) if row.conversions else words.say("no_conversions")
    return Row(row.title, f"{read} · {result}", words.number(row.views), share(row.views, most), "accent")


def audience(reading: Reading, setting: Setting) -> Section:
    """Return who can be written to, the largest group first, and who has not heard of us for long."""
    words = setting.words
    groups: list[Audience] = sorted(reading.rows, key=lambda row: -row.size)
    if not groups:
        return _section("audience", reading, setting, (), (), ())
    top = (Figure(words.number(sum(row.size for row in groups)), words.say("reachable")),)
    rows = [_audience(row, groups[0].size, setting) for row in groups]
    stale = [row for row in groups if row.last_contacted and _days(row, setting) >= STALE_DAYS]
    worst = max(stale, key=lambda row: _days(row, setting), default=None)
    found = []
    if worst:
        facts = {"span": words.days(_days(worst, setting)), "people": words.count("people", worst.size)}
        found.append(finding("stale", 20, name=worst.name, **facts))
    return _section("audience", reading, setting, top, rows, found)


def _audience(row: Audience, most: int, setting: Setting) -> Row:
    words = setting.words
    if row.last_contacted is None:
        note = words.say("never_written")
    else:
        note = words.say("last_written", span=words.days(max(1, _days(row, setting))))
    return Row(row.name, note, words.number(row.size), share(row.size, most), "accent")


def _days(row: Audience, setting: Setting) -> int:
    return (setting.now.date() - row.last_contacted).days if row.last_contacted else 0


def _section(
    key: str,
    reading: Reading,
    setting: Setting,
    top: tuple[Figure, ...],
    rows: Sequence[Row],
    found: Sequence[Finding],
) -> Section:
    words = setting.words
    if reading.trouble:
        missing = (finding("trouble", 0),) if reading.trouble in ("slow", "failed") else ()
        sentence = words.say(reading.trouble, seconds=round(LIMIT))
        return Section(key, words.say(key), sentence=sentence, trouble=reading.trouble, findings=missing)
    kept, more = shown(rows, len(rows), SHOWN, words)
    queue = reverse("admin:hitl_approval_changelist")
    return Section(
        key, words.say(key), top, kept, more, sentence="" if top else words.say(f"{key}_none"),
        button=words.say(f"{key}_open") if top else "",
        url=f"{setting.console}{queue}?kind={BUTTONS[key]}&state=all" if top else "", findings=tuple(found),
    )  # fmt: skip
