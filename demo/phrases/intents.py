"""Which tool of the marketing desk a clause is about."""

import re
from typing import Literal

from agents.llm.built_in.amounts import find_amounts
from agents.llm.built_in.text import Clause

Topic = Literal[
    "set_campaign_budget", "pause_campaign", "update_page_meta", "publish_content",
    "send_audience_message", "resume",
]  # fmt: skip

_CHANGE = (
    r"(?:raise|increase|bump|lift|set|change|put|make|give|lower|decrease|cut|reduce|drop|adjust|"
    r"boost|move|update|scale|shrink|trim|double|triple|halve|up|bring|amend|slash|spend|run|need|needs|want|like)"
)
_MONEY = re.compile(r"\b(?:budgets?|spend|per day|a day|an? day|daily|/ ?day)\b")
_CHANGE_ANY = re.compile(rf"\b{_CHANGE}\b|->|→|\b(?:raising|increasing|lowering|reducing|setting)\b")
_RAISE = re.compile(
    r"\b(?:raise|increase|bump|lift|lower|decrease|cut|reduce|drop|adjust|boost|double|triple|"
    r"halve|scale|amend|slash|set|put|make|move|bring|raising|increasing|lowering|reducing|change|up)\b"
)
_OTHER_MONEY = re.compile(r"\b(?:prices?|bids?|salary|salaries|discounts?|fees?|invoices?)\b")
_CLEARLY_MONEY = re.compile(r"\b(?:raise|increase|bump|lower|reduce|decrease|raising|increasing|lowering)\b")
_PAUSE = re.compile(
    r"\b(?:pause|pausing|kill|killing|stop|stopping|halt|halting|suspend|suspending|freeze|freezing|deactivate|"
    r"deactivating|disable|disabling)\b|\b(?:turn|switch|turning|switching)\b.*\boff\b"
    r"|\bshut(?:ting)?\b.*\bdown\b|\b(?:take|taking)\b.*\boffline\b|\b(?:put|putting)\b.*\bon hold\b"
)
_PAUSED = re.compile(r"\b(?:paused|stopped|halted|suspended|turned off|switched off|disabled)\b")
_WANTED = re.compile(r"\b(?:want|wants|need|needs|get|(?<!do we )(?<!do you )have|would like|i'd like|must be)\b")
_RESUME = re.compile(
    r"\b(?:resume|unpause|un-pause|restart|reactivate|re-activate|relaunch)\b"
    r"|\b(?:turn|switch)\b.*\bon\b|\bstart\b.*\bagain\b"
)
_META = re.compile(r"\b(?:meta\w*|(?:page |seo )?title|title tag|description)\b")
_EDIT = re.compile(
    r"\b(?:change|set|update|rewrite|replace|edit|give|make|fix|modify|put|use|adjust|write|add|"
    r"amend|rename|swap|want|become|love|"
    r"changing|updating|rewriting|setting|must read|should be|should read)\b|->|→"
)
_PUBLISH = re.compile(
    r"\b(?:publish|publishing)\b|\b(?:put|push|go|take|bring|set|make|get|going)\b.*\b(?:live|online|"
    r"public)\b|\b(?:release|post)\b.*\b(?:article|post|guide|page|draft)\b|\bpost the\b|\brelease (?:the\b|⟦)"
    r"|\bship the (?:article|post|guide)\b"
)
_MESSAGE = re.compile(
    r"\b(?:send|sending|message|messaging|tell|notify|notifying|inform|broadcast|announce|ping|contact|"
    r"reach out to|shoot|"
    r"e-?mail|mail|write to)\b(?! (?:me|us)\b)|\btext (?:all|the|our|my)\b|\blet\b.*\bknow\b"
    r"|\bdrop\b.*\b(?:message|line|note)\b"
)
_PEOPLE = re.compile(
    r"\b(?:audiences?|segments?|customers?|subscribers?|buyers?|members?|contacts|list|vips?|"
    r"everyone|everybody|people|shoppers|leads|clients|users|readers|followers|fans)\b"
)
_AUDIENCES = re.compile(
    r"\b(?:audiences?|segments?|target groups?|subscribers|who can we (?:send|message|write|reach)|"
    r"mailing lists?|customer (?:lists?|groups?)|lists of customers)\b"
)
_RANKINGS = re.compile(
    r"\b(?:rank|ranks|ranking|rankings|ranked|rankngs|keywords?|serps?|google|search (?:positions?|"
    r"terms?|results?|traffic)|page one|seo|organic|visible|visibility)\b"
)
_CONTENT = re.compile(r"\b(?:articles?|posts?|blogs?|content|drafts?|page ?views|landing pages?|stories|guides?)\b")
_CAMPAIGNS = re.compile(
    r"\b(?:campaigns|ads|every campaign|each campaign|"
    r"campaign (?:list|names|overview)|advertising)\b"
)
_FIGURES = re.compile(
    r"\b(?:performance|perform|performs|performing|doing|going|go|goes|clicks?|ctr|roas|spend|"
    r"spending|spent|conversions?|stats?|statistics|numbers|figures|results?|report|budget|status|"
    r"impressions|costs?|costing|kpis?|click rate|cpc|cpa|run|running|paused|active|raised|increased|lowered|reduced)\b"
)


def _is_budget(bare: str, clause: Clause) -> bool:
    if _OTHER_MONEY.search(bare):
        return False
    amounts = [a for a in find_amounts(clause.text) if not a.percent and not a.year_like]
    if _MONEY.search(bare):
        return bool(_CHANGE_ANY.search(bare) or amounts)
    led = any(a.led_by in {"to", "at", "->", "→"} or a.currency for a in amounts)
    if led and "please" in bare and len(clause.tokens) <= 8 and not _EDIT.search(bare):
        return True
    return bool(_RAISE.search(bare) and (led or _CLEARLY_MONEY.search(bare)))


def acting_topic(clause: Clause) -> Topic | None:
    """Return the acting tool this clause would command, or "resume", which agents never do."""
    bare = clause.bare
    if _RESUME.search(bare):
        return "resume"
    page = "/" in clause.text or re.search(r"\b(?:page|homepage|website|site)\b", bare)
    if _META.search(bare) and (page or "meta" in bare) and _EDIT.search(bare):
        return "update_page_meta"
    if (
        _MESSAGE.search(bare)
        and not (_META.search(bare) and "/" in clause.text)
        and (clause.own_quotes or clause.tail or _PEOPLE.search(bare))
        and not re.search(r"\b(?:can|do|could) we (?:message|send|write)", bare)
    ):
        return "send_audience_message"
    wanted = bool(_WANTED.search(bare))
    budget = _is_budget(bare, clause)
    if _PUBLISH.search(bare) or (wanted and "published" in bare):
        return "publish_content"
    if budget and not re.match(r"(?:please )?(?:pause|stop|halt)\b", bare):
        return "set_campaign_budget"
    if _PAUSE.search(bare) or (wanted and _PAUSED.search(bare)):
        return "pause_campaign"
    return None


def reading_topic(clause: Clause) -> str:
    """Return the reading tool that a clause asks about, or ""."""
    bare = clause.bare
    reading: list[tuple[bool, str]] = [
        (bool(_AUDIENCES.search(bare)), "list_audiences"),
        (bool(_CONTENT.search(bare)), "content_performance"),
        (bool(_RANKINGS.search(bare)) and "campaign" not in bare.split(), "rankings"),
        (bool(_CAMPAIGNS.search(bare)), "list_campaigns"),
        (bool(_FIGURES.search(bare)), "campaign_performance"),
    ]
    return next((topic for fits, topic in reading if fits), "")
