"""The sandbox platform's sections of the daily brief: ads, search rankings, content and audiences, with findings."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from integrations.ports import (
    BriefSection,
    BriefWords,
    Figure,
    Finding,
    Row,
    SectionContent,
    Tone,
    counted,
    finding,
    share,
)
from integrations.sandbox_ads import selectors
from integrations.sandbox_ads.brief_texts import BRIEF_TEXTS
from integrations.sandbox_ads.types import Audience, Campaign, ContentItem, Ranking

DAYS = 7
DEAR = Decimal("1.8")
FULL = Decimal("0.97")
FALL = 2
FIRST_PAGE = 10
NEAR = 3
STALE_DAYS = 30


def paid_ads(found: list[Campaign], words: BriefWords, _now: datetime) -> SectionContent:
    """Return spend and conversions of the last seven days, highest spend first."""
    campaigns = sorted(found, key=lambda row: -row.spend)
    if not campaigns:
        return SectionContent()
    currency, spend = campaigns[0].currency, sum((row.spend for row in campaigns), Decimal(0))
    conversions = sum(row.conversions for row in campaigns)
    per = words.money(spend / conversions, currency, 2) if conversions else "–"
    top = (
        Figure(words.money(spend, currency), words.say("spend")),
        Figure(words.number(conversions), words.say("conversions")),
        Figure(per, words.say("per_conversion")),
    )
    rows = [_campaign_row(row, campaigns[0].spend, words) for row in campaigns]
    return SectionContent(top, rows, _ads_findings(campaigns, spend, conversions, words))


def _campaign_row(row: Campaign, most: Decimal, words: BriefWords) -> Row:
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


def _ads_findings(rows: Sequence[Campaign], spend: Decimal, conversions: int, words: BriefWords) -> list[Finding]:
    currency = rows[0].currency
    total = words.money(spend, currency)
    if not conversions:
        return [finding("nothing_bought", 60, spend=total)] if spend else []
    average = spend / conversions
    number = words.number(conversions)
    findings = [finding("spend", 0, spend=total, conversions=number, per=words.money(average, currency, 2))]
    active = [row for row in rows if row.status == "active" and row.spend]
    dear = max((row for row in active if row.conversions), key=_cost, default=None)
    if dear and _cost(dear) >= average * DEAR:
        facts = {"per": words.money(_cost(dear), currency, 2), "times": words.number(_cost(dear) / average, 1)}
        findings.append(finding("dear", 55, name=dear.name, **facts))
    findings += [
        finding("fruitless", 58, name=row.name, spend=words.money(row.spend, currency))
        for row in active
        if not row.conversions
    ][:1]
    full = [row for row in active if row.conversions and row.spend >= row.daily_budget * DAYS * FULL * FULL]
    cheap = min(full, key=_cost, default=None)
    if cheap and _cost(cheap) < average:
        findings.append(finding("full", 40, name=cheap.name, per=words.money(_cost(cheap), currency, 2)))
    return findings


def _cost(row: Campaign) -> Decimal:
    return row.spend / row.conversions


def rankings(found: list[Ranking], words: BriefWords, _now: datetime) -> SectionContent:
    """Return changes in search results, largest first."""
    if not found:
        return SectionContent()
    up, down = [row for row in found if row.change > 0], [row for row in found if row.change < 0]
    top = (
        Figure(words.number(sum(row.position <= FIRST_PAGE for row in found)), words.say("top_ten")),
        Figure(words.number(len(up)), words.say("up"), "good" if up else "neutral"),
        Figure(words.number(len(down)), words.say("down"), "danger" if down else "neutral"),
    )
    rows = [_ranking_row(row, words) for row in sorted(found, key=lambda row: (-abs(row.change), row.position))]
    findings = []
    worst = min(down, key=lambda row: (row.change, row.position), default=None)
    best = max(up, key=lambda row: (row.change, -row.position), default=None)
    if best and best.change >= FALL:
        findings.append(finding("climbed", 0, keyword=best.keyword, by=best.change, position=best.position))
    if worst and worst.change <= -FALL:
        facts: dict[str, str | int] = {"by": -worst.change, "position": worst.position, "page": worst.slug}
        findings.append(finding("fell", 50, keyword=worst.keyword, **facts))
    near = [row for row in found if FIRST_PAGE < row.position <= FIRST_PAGE + NEAR and row is not worst]
    likely = max(near, key=lambda row: row.clicks, default=None)
    if likely:
        findings.append(finding("near", 30, keyword=likely.keyword, position=likely.position, page=likely.slug))
    return SectionContent(top, rows, findings)


def _ranking_row(row: Ranking, words: BriefWords) -> Row:
    tone: Tone = "good" if row.change > 0 else "danger" if row.change < 0 else "neutral"
    arrow = f"▲ {row.change}" if row.change > 0 else f"▼ {-row.change}" if row.change < 0 else "="
    place = words.say("position", position=row.position)
    # A full bar is position 1; from position 30 on it is almost empty.
    return Row(row.keyword, f"{place} · {row.slug}", arrow, share(31 - min(row.position, 30), 30), tone)


def content(found: list[ContentItem], words: BriefWords, _now: datetime) -> SectionContent:
    """Return published content, most viewed first, and the number of drafts."""
    items = sorted(found, key=lambda row: -row.views)
    if not items:
        return SectionContent()
    drafts = [row for row in items if row.status == "draft"]
    live = [row for row in items if row.status != "draft"]
    top = (
        Figure(words.number(sum(row.views for row in live)), words.say("views")),
        Figure(words.number(sum(row.conversions for row in live)), words.say("conversions")),
        Figure(words.number(len(drafts)), words.say("drafts"), "warn" if drafts else "neutral"),
    )
    rows = []
    for row in live:
        seconds = row.average_seconds
        span = words.span(timedelta(seconds=seconds)) if seconds >= 120 else words.say("seconds", n=seconds)
        result = words.count("in_conversions", row.conversions) if row.conversions else words.say("no_conversions")
        note = f"{words.say('read_for', span=span)} · {result}"
        rows.append(Row(row.title, note, words.number(row.views), share(row.views, items[0].views), "accent"))
    findings = [counted("drafts", len(drafts), 25, title=drafts[0].title)] if drafts else []
    return SectionContent(top, rows, findings)


def audience(found: list[Audience], words: BriefWords, now: datetime) -> SectionContent:
    """Return the audiences, largest first, and the one not contacted for longest."""
    groups = sorted(found, key=lambda row: -row.size)
    if not groups:
        return SectionContent()
    top = (Figure(words.number(sum(row.size for row in groups)), words.say("reachable")),)
    rows = []
    for row in groups:
        note = words.say("never_written")
        if row.last_contacted is not None:
            note = words.say("last_written", span=words.days(max(1, _days_since(row, now))))
        rows.append(Row(row.name, note, words.number(row.size), share(row.size, groups[0].size), "accent"))
    stale = [row for row in groups if row.last_contacted and _days_since(row, now) >= STALE_DAYS]
    worst = max(stale, key=lambda row: _days_since(row, now), default=None)
    findings = []
    if worst:
        facts = {"span": words.days(_days_since(worst, now)), "people": words.count("people", worst.size)}
        findings.append(finding("stale", 20, name=worst.name, **facts))
    return SectionContent(top, rows, findings)


def _days_since(row: Audience, now: datetime) -> int:
    return (now.date() - row.last_contacted).days if row.last_contacted else 0


SECTIONS: Final[tuple[BriefSection, ...]] = (
    BriefSection(
        key="paid_ads", title="Paid ads", agent="paid_ads", tool="list_campaigns", kind="set_campaign_budget",
        texts=BRIEF_TEXTS, read=selectors.list_campaigns, build=paid_ads,
    ),
    BriefSection(
        key="rankings", title="Search rankings", agent="seo", tool="rankings", kind="update_page_meta",
        texts=BRIEF_TEXTS, read=selectors.list_rankings, build=rankings,
    ),
    BriefSection(
        key="content", title="Content", agent="content", tool="content_performance", kind="publish_content",
        texts=BRIEF_TEXTS, read=selectors.content_performance, build=content,
    ),
    BriefSection(
        key="audience", title="Audiences", agent="audience", tool="list_audiences", kind="send_audience_message",
        texts=BRIEF_TEXTS, read=selectors.list_audiences, build=audience,
    ),
)  # fmt: skip
