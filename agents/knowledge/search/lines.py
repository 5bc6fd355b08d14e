"""Take passages apart into lines that can answer on their own, and quote those that do (pure)."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from agents.knowledge.search.words import has_count, has_value
from agents.knowledge.sources.passages import sentences

LONGEST: Final = 700
"""Characters that are quoted at most."""
SHORT: Final = 240
"""A paragraph of up to so many characters is quoted whole."""
MOST_LINES: Final = 60
LONGEST_LEAD: Final = 160
OF_LEAD: Final = 0.95
OF_HEADING: Final = 0.9
OF_TITLE: Final = 0.8
OF_NEIGHBOUR: Final = 0.7
OF_PASSAGE: Final = 0.45
"""What a word of the question counts where it doesn't stand in the line itself."""
OF_NO_VALUE: Final = 0.7
"""What a line without a value counts where one is asked for."""
OF_KIND: Final = 0.9
"""What a word counts that only names the kind of value that a line shows."""
OF_TOPIC: Final = 0.2
"""What lead, heading and title add that name what is asked about."""
_CLAUSE: Final = re.compile(r"[,;]\s+(?:(?:and|und|et|y)\s+)?|\s+(?:and|und|et|y)\s+(?=[^,;]*\d)")
_ANY_CLAUSE: Final = re.compile(r"[,;]\s+(?:(?:and|und|et|y)\s+)?|\s+(?:and|und|et|y)\s+")
_NONE: Final = re.compile(
    r"\b(?:keine?[nrs]?|none|nothing|nichts|aucune?|ningun[oa]?)(?=\s*(?:[.,;]|$))", re.IGNORECASE
)
_TAKES_BACK: Final = re.compile(
    r"\b(?:not|no|except|only|unless|but|never|without|nicht|kein\w*|außer|ausser|nur|aber|nie|ohne|sauf|seulement|pas|"
    r"salvo|solo|sin)\b"
)
_MEASURE: Final = re.compile(
    r"(?P<sign>[€$£]\s?)?(?P<number>\d+(?:[.,:]\d+)*)\s?(?:-\s?)?(?P<unit>[€$£%]|[^\W\d_]{1,20})?"
)
_MONEY: Final = frozenset("€ $ £ euro euros eur usd gbp chf dollar dollars pound pounds franken".split())
_MINUTES: Final = {
    "min": 1, "hour": 60, "stunde": 60, "heure": 60, "hora": 60, "day": 1440, "tag": 1440, "jour": 1440,
    "werktag": 1440, "week": 10_080, "woche": 10_080, "semaine": 10_080, "semana": 10_080, "month": 43_200,
    "monat": 43_200, "mois": 43_200, "year": 525_600, "jahr": 525_600,
}  # fmt: skip
_GOES_ON: Final = re.compile(
    r"(?:after that|afterwards|but|else|however|later|otherwise|then|aber|andernfalls|danach|jedoch|sonst|später|"
    r"après|cependant|ensuite|mais|sinon|de lo contrario|después|luego|pero|si no)\b",
    re.IGNORECASE,
)
"""Begins a sentence that limits the one before it: "Later it costs 40 EUR"."""
_SAME_THING: Final = re.compile(
    r"(?:on|from|at|in|until|am|an|ab|bis|im|um|von|à|au|de|du|dès|en|desde|hasta)\s", re.IGNORECASE
)
"""Begins a clause that says more of the same thing: "and on Friday until one"."""
_BULLET: Final = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s")
_BRACKETS: Final = re.compile(r"\([^()]{0,200}\)")
_CLAUSE_END: Final = re.compile(r"(?:[,;]|\s(?:and|und|et|y))\s*$")
_LABEL: Final = re.compile(r"^(?:[^.:!?]|(?<=\d)[.:](?=\d)){2,120}:(?=\s)")
_NUMBER: Final = re.compile(r"(?<![\w.,])\d+(?:[.,:’']\d+)*(?![\w])|\d+(?:[.,:]\d+)*")


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, or a line of a list or a table, with what is said of it before."""

    text: str
    block: int
    is_row: bool
    lead: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """The line of a passage that answers best, how much of the question it covers, and what it quotes.

    `shares` is how much of each word of the question stands with the line; `score` is its coverage, with what tells it
    from others that cover as much.
    """

    score: float
    coverage: float
    shares: Sequence[float] = field(repr=False)
    line: str = field(repr=False)
    is_row: bool
    quote: str = field(repr=False)
    is_one_of_many: bool = False
    """Other rows of the list or table say as much: none of them is about one thing that was asked about."""


def lines_of(text: str) -> list[Line]:
    """Return the lines of a passage in order; only the first of a very long one."""
    found: list[Line] = []
    before = ""
    for block, part in enumerate(text.split("\n\n")):
        rows = [row for row in part.splitlines() if row.strip()]
        is_list = len(rows) > 1
        label = _LABEL.match(part)
        lead = before if is_list else label[0] if label else ""
        found += [Line(row, block, is_list, lead) for row in (rows if is_list else sentences(part))]
        before = part if len(part) <= LONGEST_LEAD and not is_list else ""
    return found[:MOST_LINES]


def numbers_of(text: str) -> frozenset[str]:
    """Return the numbers of a text, each in one spelling: "5,000", "5.000" and "5000" are the same."""
    return frozenset(_spelt(match) for match in _NUMBER.findall(text))


def _spelt(number: str) -> str:
    whole = re.sub(r"[.,’'](?=\d{3}(?!\d))", "", number)
    return re.sub(r"[,:]", ".", whole).removesuffix(".00").removesuffix(".0") or "0"


def measures_of(text: str) -> dict[str, frozenset[float]]:
    """Return the values of a text by what they measure: "time" in minutes, "clock", "money", or the word after them."""
    found: dict[str, set[float]] = {}
    for match in _MEASURE.finditer(text.casefold()):
        spelt, unit = _spelt(match["number"]), match["unit"] or ""
        if spelt.count(".") > 1:
            continue  # a date or a version
        number = float(spelt)
        if ":" in match["number"]:
            found.setdefault("clock", set()).add(number)
            continue
        if match["sign"] or unit in _MONEY:
            found.setdefault("money", set()).add(number)
        elif minutes := next((size for begins, size in _MINUTES.items() if unit.startswith(begins)), 0):
            found.setdefault("time", set()).add(number * minutes)
        elif unit:
            found.setdefault(unit, set()).add(number)
    return {unit: frozenset(values) for unit, values in found.items()}


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of each word of a question stands in the title, the heading and each line of a passage, and its lead."""

    title: Sequence[float]
    heading: Sequence[float]
    lines: Sequence[Sequence[float]]
    leads: Sequence[Sequence[float]]


def weigh(
    lines: Sequence[Line], shares: Shares, weights: Sequence[float], *, value: str, kind_words: Collection[int] = ()
) -> Weighed:
    """Return the line that covers most of a question, as far as it has a value where one is asked for.

    What other rows of a list or a table say is of something else. `kind_words` are the words of the question that
    only name the kind of value.
    """
    whole = sum(weights) or 1.0
    passage = [max((line[place] for line in shares.lines), default=0.0) for place in range(len(weights))]
    best, best_place, best_shares, best_covered = -1.0, 0, list(shares.title), 0.0
    for place, line in enumerate(lines):
        near = [n for n in (place - 1, place + 1) if 0 <= n < len(lines) and lines[n].block == line.block]
        label = list(zip(shares.leads[place], shares.heading, shares.title, strict=True))
        mine = [
            max(
                own,
                lead * OF_LEAD,
                heading * OF_HEADING,
                title * OF_TITLE,
                0.0 if line.is_row else max((shares.lines[n][at] for n in near), default=0.0) * OF_NEIGHBOUR,
                passage[at] * OF_PASSAGE,
            )
            for at, (own, lead, heading, title) in enumerate(
                zip(shares.lines[place], shares.leads[place], shares.heading, shares.title, strict=True)
            )
        ]
        shows = bool(value) and has_value(line.text, value)
        for at in kind_words if shows else ():
            mine[at] = max(mine[at], OF_KIND)
        covered = sum(weight * share for weight, share in zip(weights, mine, strict=True)) / whole
        covered *= OF_NO_VALUE if value and not shows else 1.0
        topic = sum(w * max(parts) for w, parts in zip(weights, label, strict=True)) / whole
        score = covered * (1.0 + OF_TOPIC * topic)
        if score > best + 1e-9:
            best, best_place, best_shares, best_covered = score, place, mine, covered
    line = lines[best_place]
    rows = rows_like(lines, best_place, shares.lines, weights) if line.is_row else []
    quote = quote_around(lines, best_place, rows)
    return Weighed(best, best_covered, best_shares, line.text, line.is_row, quote, len(rows) > 1)


def clauses_of(line: str, *, is_row: bool) -> list[str]:
    """Return the clauses of a sentence that say the like of several things, or the cells of a table's row.

    None of any other line, nor where one of them takes something back: "not on Fridays".
    """
    label = _LABEL.match(line)
    body = line[label.end() :] if label else line
    if is_row and label and not _BULLET.match(line):
        cells = body.split(", ")
        return cells if len(cells) > 1 else []
    # "None" at the end of a clause is a value like the others, and what stands in brackets is of one clause.
    hidden = _BRACKETS.sub(lambda match: "_" * len(match[0]), body)
    counted = _NONE.sub(lambda match: "0".ljust(len(match[0])), hidden)
    if _TAKES_BACK.search(counted.casefold()) or len(sentences(body)) > 1:
        return []
    if clauses := _clauses(body, counted, _CLAUSE):
        return clauses
    # Without values those that have a word in common: "Mr A teaches rowing, Ms B teaches sailing".
    clauses = _clauses(body, hidden, _ANY_CLAUSE, merges=False)
    said = [set(re.findall(r"[^\W\d_]{4,}", each.casefold())) for each in clauses]
    return clauses if said and set.intersection(*said) else []


def _clauses(body: str, read: str, ends_at: re.Pattern[str], *, merges: bool = True) -> list[str]:
    """Return the clauses of a sentence, each with a value; a part without one belongs to the next."""
    ends = [0, *(match.end() for match in ends_at.finditer(read)), len(body)]
    clauses: list[tuple[int, int]] = []
    for begin, end in pairwise(ends):
        if merges and clauses and not has_count(read[slice(*clauses[-1])]):
            clauses[-1] = (clauses[-1][0], end)
        else:
            clauses.append((begin, end))
    if len(clauses) < 2 or (merges and not all(has_count(read[begin:end]) for begin, end in clauses)):
        return []
    return [body[begin:end] for begin, end in clauses]


def narrowed(
    line: str, clauses: Sequence[str], has: Sequence[Sequence[float]], *, is_row: bool, numbers: Collection[int] = ()
) -> str:
    """Return the one clause that is about what was asked, with the label of its line; the line if several may be.

    `has` is how much of each word of the question each clause has, `numbers` which of these words are numbers that it
    is specific about. The first clause of a sentence holds what is said of all; of a table's row each cell stands for
    itself.
    """
    first, *others = said = [{at for at, share in enumerate(each) if share >= 0.5} for each in has]
    label = _LABEL.match(line)
    counted = [place for place, words in enumerate(said) if words.intersection(numbers)]
    if len(counted) == 1 and (is_row or counted[0]):
        place = counted[0]
    elif is_row and label:
        most = max(said, key=len)
        if not most or sum(words == most for words in said) > 1 or not all(words <= most for words in said):
            return line
        place = said.index(most)
    else:
        named = [place for place, words in enumerate(others, 1) if words - first]
        if len(named) > 1 or not (named or (first and has_count(clauses[0]))):
            return line
        if not named and any(map(_SAME_THING.match, clauses[1:])):
            return line
        place = named[0] if named else 0
    part = _CLAUSE_END.sub("", clauses[place]).strip().rstrip(".,;")
    part = part if is_row and label else f"{part}."
    return f"{label[0]} {part}" if label else part[:1].upper() + part[1:]


def rows_like(
    lines: Sequence[Line], best: int, shares: Sequence[Sequence[float]], weights: Sequence[float]
) -> list[int]:
    """Return the rows of a list or table that say as much as the best one, which is among them."""
    block = [place for place, each in enumerate(lines) if each.block == lines[best].block]
    worth = {n: sum(w * s for w, s in zip(weights, shares[n], strict=True)) for n in block}
    return [n for n in block if worth[n] >= worth[best] - 1e-9]


def quote_around(lines: Sequence[Line], best: int, rows: Sequence[int]) -> str:
    """Return the line with what explains it: all rows that say as much, or the sentences around it."""
    line = lines[best]
    if line.is_row:
        said = [lines[n].text for n in rows]
        lead = line.lead if line.lead.rstrip().endswith(":") else ""
        return _cut("\n".join([lead, *said] if lead else said))
    block = [place for place, each in enumerate(lines) if each.block == line.block]
    first = last = best
    size = len(line.text)
    if has_value(line.text):
        # Another value beside it would be one of something else.
        goes_on = best + 1 if best + 1 in block and _GOES_ON.match(lines[best + 1].text) else best
        block = [n for n in block if n in (best, goes_on) or not any(sign.isdigit() for sign in lines[n].text)]
    for place in (best + 1, best - 1, best + 2):
        if place in block and size + len(lines[place].text) + 1 <= SHORT and place in (first - 1, last + 1):
            first, last, size = min(first, place), max(last, place), size + len(lines[place].text) + 1
    said = [lines[n].text for n in range(first, last + 1)]
    return _cut(" ".join(said if line.lead in (said[0][: len(line.lead)], "") else [line.lead, *said]))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"
