"""Read what a page of figures is asked for from its address: the span, and by what it is narrowed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from accounts.selectors import tenant_zone
from analytics.figure_pages.asked import Asked
from analytics.figure_pages.labels import ALL, choices_of, names_of_values
from analytics.figures import selectors
from analytics.figures.metrics import TEAM
from analytics.figures.spans import Span, day_of, last_days, span_of
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid

SPANS: Final = (
    ("1", "Today"), ("7", "Last 7 days"), ("30", "Last 30 days"), ("90", "Last 90 days"), ("365", "Last 365 days"),
    ("own", "Custom"),
)  # fmt: skip
USUAL: Final = "30"
OWN: Final = "own"


@dataclass(frozen=True, slots=True)
class Form:
    """The page's form: what is chosen, what can be chosen, and what is wrong with it."""

    span: str
    first: str
    last: str
    by: str
    groups: list[tuple[str, list[tuple[str, str]]]]
    is_limited: bool
    problem: str = ""


def read_form(
    *, viewer: Actor, given: Mapping[str, str], filters: tuple[str, ...], usual: str = USUAL, metric: str = ""
) -> tuple[Form, Asked]:
    """Return the form and what it asks for; a wrong span is named, and the usual one shown instead.

    With a `metric`, all its dimensions can be `filters`. Who may see the figures of their own teams only gets those of
    one of them. Raises `Refused`.
    """
    viewer_teams = selectors.readable_teams(viewer=viewer)
    zone = tenant_zone()
    today = day_of(clock_now(), zone)
    span, problem = _span(given, today, usual)
    dimensions = filters if viewer_teams is None else (TEAM,)
    wanted, _, chosen_value = given.get("by", "").partition(":")
    groups = []
    for dimension in dimensions:
        if dimension in ALL:
            known = [one for one in choices_of(dimension) if viewer_teams is None or one[0] in viewer_teams]
        else:
            # Of people and kinds there may be many: the chosen one alone is offered.
            known = list(names_of_values(dimension, [chosen_value], metric).items()) if wanted == dimension else []
        if known:
            groups.append(
                (ALL.get(dimension, dimension.capitalize()), [(f"{dimension}:{value}", name) for value, name in known])
            )
    keys = [key for _, choices in groups for key, _ in choices]
    by = given.get("by", "") if given.get("by", "") in keys else ""
    if viewer_teams is not None and not by:
        by = keys[0] if keys else f"{TEAM}:"
    dimension, _, value = by.partition(":")
    chosen = given.get("span", "") if given.get("span", "") in dict(SPANS) else usual
    form = Form(chosen, span.first.isoformat(), span.last.isoformat(), by, groups, viewer_teams is not None, problem)
    return form, Asked(viewer, span, today, zone, dimension or selectors.TOTAL, value)


def _span(given: Mapping[str, str], today: date, usual: str) -> tuple[Span, str]:
    chosen = given.get("span", usual)
    if chosen != OWN:
        return last_days(today, int(chosen if chosen in dict(SPANS) else usual)), ""
    try:
        return span_of(_day(given.get("first", "")), _day(given.get("last", ""))), ""
    except Invalid as problem:
        return last_days(today, int(USUAL)), f"{problem.detail} These are the last 30 days."


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("Choose the first and the last day.", code="span") from None
