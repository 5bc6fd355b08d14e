"""Read a command's arguments from a clause: campaign, amount, page, content, audience, text."""

import re
from collections.abc import Iterable
from decimal import Decimal
from itertools import takewhile

from agents.llm.built_in.amounts import Amount, find_amounts
from agents.llm.built_in.text import Clause, Token
from core.text.languages import FUNCTION_WORDS
from demo.phrases.words import AUDIENCE_WORDS, CAMPAIGN_WORDS, CHANGE, PAUSE

_JOINERS = frozenset({"of", "to", "for", "the", "and", "in", "&", "on", "at", "with"})
_NAME_STOP = FUNCTION_WORDS | CAMPAIGN_WORDS | CHANGE | PAUSE
_PEOPLE_STOP = (FUNCTION_WORDS | AUDIENCE_WORDS) - {"new"}
_PERIOD = re.compile(
    r"\b(?:monthly|weekly|yearly|hourly|lifetime|overall|total|per (?:week|month|year|hour)|"
    r"a (?:week|month|year)|annual|annually)\b"
)
_RELATIVE = re.compile(r"\b(?:by|double|triple|halve|half|twice|another|extra|additional)\b")
_PAGE = re.compile(r"https?://[^\s,⟦]+|(?<![\w/⟦])/(?:[a-z0-9][\w\-./]*[\w/])?(?=[\s,:;.?!'’]|$)", re.IGNORECASE)
_GENERIC = FUNCTION_WORDS | set(
    "draft drafts article articles post posts page pages content something everything guide".split()
)
_PAGE_NAME = re.compile(r"((?:[a-z0-9][\w&'’-]*\s+){1,6})page\b|\bpage((?:\s+[a-z0-9][\w&'’-]*){1,6})", re.IGNORECASE)
_NO_PAGE = (FUNCTION_WORDS | CHANGE) - {"us", "new", "about"} | frozenset(
    "landing web seo meta metadata title titles description descriptions tag rewrite replace edit fix modify use add "
    "write rename swap become becomes must should reads says saying with whose called".split()
)
_SPOKEN_VALUE = re.compile(r"(?:\b(?:to|into|with|be|read|as)|->|→)\s+(?P<value>[^⟦]{2,})$", re.IGNORECASE)
_CONTENT_NOUN = (
    r"(?:(?:new |latest )?(?:draft|article|blog post|blog|post|landing page"
    r"|page|piece|story|content):?\s+)*"
)
_LEAD = rf"(?:(?:the|our|my|this|that)\s+)?{_CONTENT_NOUN}(?:(?:called|named|titled)\s+)?"
_CONTENT = [
    re.compile(p, re.IGNORECASE)
    for p in (
        rf"\bp\w*b\w*sh(?:ing)?\s+{_LEAD}(?P<name>.+)$",
        rf"\b(?:put|push|take|bring|set|make|get)\s+{_LEAD}(?P<name>.+?)\s+(?:live|online|public|published)\b",
        rf"\bgo live with\s+{_LEAD}(?P<name>.+)$",
        rf"\b(?:release|post)\s+{_LEAD}(?P<name>.+)$",
        rf"\b(?:want|need|like)\s+{_LEAD}(?P<name>.+?)\s+(?:live|online|published)\b",
    )
]
_READY = re.compile(rf"^{_LEAD}(?P<name>.+?)\s+(?:is|looks)\s+(?:ready|done|fine|good)\b", re.IGNORECASE)
_TRAIL = re.compile(
    r"(?:[\s,.!?-]+|\b(?:please|pls|now|today|asap|thanks|thank you|live|online|public|immediately|"
    r"right away|for (?:me|us)|on (?:the|our) (?:blog|site|website)|at once)\b)+$",
    re.IGNORECASE,
)  # fmt: skip
_PHRASE = re.compile(
    r"\b(?:for|keyword)\s+(?!which|what|all|our|the\b)([\w\- ]+?)(?:\s+(?:in|on)\s+\w+)?\s*[?.!]*$",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:it|its|that one|this one|this campaign|that campaign|the campaign|same campaign)\b")


def amount_of(clause: Clause) -> tuple[Amount | None, str]:
    """Return the one daily amount a clause names, or why there is none.

    The reason is "missing", "several", "relative", "period" or "zero".
    """
    amounts = [a for a in find_amounts(clause.text) if not a.percent]
    led = [a for a in amounts if a.led_by in {"to", "at", "->", "→", "=", ":"}]
    marked = [a for a in amounts if a.currency]
    plain = [a for a in amounts if not a.year_like]
    by = [a for a in amounts if a.led_by == "by"]
    if any(a.led_by in {"or", "and", "maybe", "between", "/"} for a in amounts):
        return None, "several"
    if by and not led:
        return None, "relative"
    if _PERIOD.search(clause.bare):
        return None, "period"
    chosen = led or marked or plain
    if not chosen:
        return None, "relative" if _RELATIVE.search(clause.bare) or "%" in clause.text else "missing"
    if len({a.value for a in chosen}) > 1:
        return None, "several"
    return (chosen[0], "") if chosen[0].value > Decimal(0) else (None, "zero")


def as_arguments(amount: Amount | None) -> dict[str, str]:
    """Return an amount as the arguments of a tool."""
    if amount is None:
        return {}
    return {"daily_budget": str(amount.value)} | ({"currency": amount.currency} if amount.currency else {})


def _clean(name: str) -> str:
    return re.sub(r"['’]s$", "", name.strip(" ,.;:!?-"))


def _runs(clause: Clause, stop: frozenset[str], skip: tuple[int, int] | None) -> list[list[Token]]:
    """Return runs of neighbouring tokens that are not stop words, punctuation or the amount."""
    runs: list[list[Token]] = [[]]
    for token in clause.tokens:
        inside = skip is not None and skip[0] <= token.start < skip[1]
        plain = re.sub(r"'s$", "", token.word)
        if inside or plain in stop or not re.match(r"\w", token.raw):
            runs.append([])
        else:
            runs[-1].append(token)
    return [run for run in runs if run]


def _titled(clause: Clause, stop: frozenset[str], skip: tuple[int, int] | None) -> list[str]:
    """Return spans written with capitals. Small joiners inside are allowed ("Back to School")."""
    spans: list[list[Token]] = [[]]
    for token in clause.tokens:
        inside = skip is not None and skip[0] <= token.start < skip[1]
        capital = token.raw[0].isupper() or (token.raw[0].isdigit() and bool(spans[-1]))
        stopped = inside or re.sub(r"'s$", "", token.word) in stop
        joins = bool(spans[-1]) and not inside and token.raw in _JOINERS
        if joins or (capital and not stopped):
            spans[-1].append(token)
        elif spans[-1]:
            spans.append([])
        if token.raw.endswith(("'s", "’s")) and spans[-1]:
            spans.append([])
    names = []
    for span in spans:
        while span and span[-1].raw in _JOINERS:
            span.pop()
        if span:
            names.append(_clean(" ".join(token.raw for token in span)))
    return names


def campaign_of(clause: Clause, amount: Amount | None = None) -> str:
    """Return the campaign a clause names, as written, or ""."""
    if clause.own_quotes:
        return clause.own_quotes[0]
    skip = (amount.start, amount.end) if amount else None
    shouting = clause.text.upper() == clause.text
    # Return the name that a greeting addresses: it is never a campaign.
    match = re.match(r"(?i:hi|hello|hey|dear)\s+([A-Z]\w+)\s*[,!]", clause.text)
    greeted = match.group(1) if match else ""
    titled = [] if shouting else [n for n in _titled(clause, _NAME_STOP, skip) if n != greeted]
    if titled:
        return max(reversed(titled), key=lambda name: len(name.split()))
    names = [_clean(" ".join(t.raw for t in run)) for run in _runs(clause, _NAME_STOP, skip)]
    names = [name for name in names if name and name != greeted and not name.isdigit()]
    return max(reversed(names), key=lambda name: len(name.split())) if names else ""


def is_pronoun(clause: Clause) -> bool:
    """Return True if the clause refers to a campaign named before."""
    return bool(_PRONOUN.search(clause.bare))


def page_of(clause: Clause) -> str:
    """Return the page a clause names, as a path: "/pricing", "the pricing page", "the home page"."""
    if match := _PAGE.search(clause.text):
        return re.sub(r"^https?://[^/]+", "", match.group().rstrip(".,:;?!")) or "/"
    if re.search(r"\b(?:home ?page|front page|start page)\b", clause.bare):
        return "/"
    for match in _PAGE_NAME.finditer(clause.text):
        spoken = re.sub(r"(?i)\b(?:landing|web)\s*$", "", match.group(1) or "")
        before = _until_stop(reversed(spoken.split()))[::-1]
        words = before or _until_stop((match.group(2) or "").split())
        if words:
            return f"/{words[0].lower()}" if len(words) == 1 else " ".join(words)
    return ""


def _until_stop(words: Iterable[str]) -> list[str]:
    """Return the words up to the first that cannot be part of a page's name."""
    return list(takewhile(lambda word: word.lower() not in _NO_PAGE, words))


def meta_of(clause: Clause) -> dict[str, str]:
    """Return the new title and description of a page, as far as a clause gives them."""
    fields = re.findall(r"\b(title|description)\b", clause.bare)
    fields = list(dict.fromkeys(fields))
    values = [*clause.own_quotes]
    if not values:
        # Unquoted: the text after a colon, else the words after the page's name and "to".
        page = _PAGE.search(clause.text) or re.search(r"(?i)\b(?:\w+ page|homepage)\b", clause.text)
        spoken = _SPOKEN_VALUE.search(clause.text[page.end() :]) if page else None
        after_page = _TRAIL.sub("", spoken["value"]).strip() if spoken else ""
        values = [value for value in (clause.tail, after_page) if value][:1]
    if not fields or len(values) != len(fields):
        return {}
    return dict(zip(fields, (value.strip() for value in values), strict=True))


def meta_field_of(clause: Clause) -> dict[str, str]:
    """Return which text of a page is meant while its wording is still missing."""
    fields = set(re.findall(r"\b(title|description)\b", clause.bare))
    return {"field": fields.pop()} if len(fields) == 1 else {}


def content_of(clause: Clause) -> str:
    """Return the piece of content a clause names, or ""."""
    if clause.own_quotes:
        return clause.own_quotes[0]
    for pattern in [_READY, *_CONTENT]:
        if match := pattern.search(clause.text):
            name = _TRAIL.sub("", match["name"]).strip(" :-")
            if set(re.findall(r"\w+", name.lower())) - _GENERIC:
                return name
    return ""


def named_content_of(clause: Clause) -> str:
    """Return the piece a question asks about: quoted, or after "the article"."""
    if clause.own_quotes:
        return clause.own_quotes[0]
    match = re.search(r"(?i)\b(?:article|post|guide|draft)\s+([A-Z][^?,.]+)", clause.text)
    return _TRAIL.sub("", match.group(1)) if match else ""


def message_of(clause: Clause) -> dict[str, str]:
    """Return audience and text of a message, as far as a clause gives them."""
    quotes = clause.own_quotes
    named = re.search(r"\b(?:audience|segment|group|list|to(?: the| our)?)\s+⟦(\d+)⟧", clause.text, re.IGNORECASE)
    audience = ""
    if named and (len(quotes) > 1 or clause.tail):
        audience = clause.quotes[int(named.group(1))]
        quotes = [quote for quote in quotes if quote != audience]
    text = quotes[0] if quotes else clause.tail.strip(' "')
    if not audience:
        runs = _runs(clause, _PEOPLE_STOP, None)
        audience = _clean(" ".join(t.raw for t in max(runs, key=len))) if runs else ""
    found = {"audience": audience, "text": text}
    return {name: value for name, value in found.items() if value}


def keyword_of(clause: Clause) -> str:
    """Return the search phrase that a question about rankings names, or ""."""
    if clause.own_quotes:
        return clause.own_quotes[0]
    match = _PHRASE.search(clause.text)
    phrase = _TRAIL.sub("", match.group(1)).strip() if match else ""
    return "" if re.search(r"(?i)^(?:me|us|now|ranking.*|position.*)?$", phrase) else phrase
