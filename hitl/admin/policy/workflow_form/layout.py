"""The rows that people add to the form of a workflow and take away: levels, steps of the ladder, rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import QueryDict

from hitl.admin.policy.workflow_form import escalation, levels, rules
from hitl.policy.validation import LEVELS_MAX, RULES_MAX, STEPS_MAX

ADD: Final = "add_row"
REMOVE: Final = "remove_row"
BLANK: Final = "__n__"
"""Stands for the number in the row that a script copies."""
_ONE_ROW: Final = re.compile(r"(level|step|rule)[1-9]\d{0,2}", re.ASCII)
Said = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of rows: how many there may be, where its mistakes are shown, and its two translations."""

    key: str
    noun: str
    most: int
    told_at: str
    taken: Callable[[Said], dict[str, Any]]
    shown: Callable[[Said], dict[str, Any]]


LEVEL: Final = Sort("level", "Level", LEVELS_MAX, "approvers", levels.level_of, levels.shown)
STEP: Final = Sort("step", "Step", STEPS_MAX, "to", escalation.step_of, escalation.shown)
RULE: Final = Sort("rule", "Rule", RULES_MAX, "id", rules.rule_of, rules.shown)
SORTS: Final = {sort.key: sort for sort in (LEVEL, STEP, RULE)}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its sort, the number in the names of its fields, and of a rule what it does."""

    sort: Sort
    number: int | str
    verdict: str = ""

    @property
    def key(self) -> str:
        """What the names of its fields begin with."""
        return f"{self.sort.key}{self.number}"

    def name_of(self, field: str) -> str:
        """Return the name of one of its fields in the form."""
        return f"{self.key}_{field}"


def rows_in(said: Said, sort: Sort) -> list[Row]:
    """Return the rows that a form, or what it was filled with, has; one above the limit is told as such."""
    names = [key for name in said if (key := name.partition("_")[0]).startswith(sort.key) and _ONE_ROW.fullmatch(key)]
    numbers = sorted({int(name.removeprefix(sort.key)) for name in names})[: sort.most + 1]
    return [Row(sort, number, _verdict(said, number) if sort is RULE else "") for number in numbers]


def _verdict(said: Said, number: int) -> str:
    return "reject" if said.get(f"rule{number}_verdict") == "reject" else "approve"


def free_number(names: Iterable[str], sort: Sort) -> int:
    """Return a number that no row has had: what is known of a row is found again by its number."""
    rows = rows_in(dict.fromkeys(names), sort)
    return 1 + max((int(row.number) for row in rows), default=0)


def reshaped(typed: QueryDict, known: Iterable[str]) -> tuple[QueryDict, str]:
    """Return what was typed with the row more or less that its buttons asked for, and the key of a new row."""
    kept, added = typed.copy(), ""
    wishes, gone = kept.pop(ADD, []), kept.pop(REMOVE, [])
    for name in [name for name in kept if name.partition("_")[0] in gone and _ONE_ROW.match(name)]:
        del kept[name]
    for wish in wishes[:1]:
        sort = SORTS.get(wish.partition("-")[0])
        if sort and len(rows_in(kept, sort)) < sort.most:
            row = wished(wish, free_number([*typed, *known], sort))
            kept.update({row.name_of(field): value for field, value in begin(row, typed.get("currency") or "").items()})
            added = row.key
    return kept, added


def wished(wish: str, number: int | str) -> Row:
    """Return the row that a button adds: `level`, `step`, `rule-approve`, `rule-reject`."""
    key, _, verdict = wish.partition("-")
    return Row(SORTS[key], number, verdict)


def begin(row: Row, currency: str) -> dict[str, str]:
    """Return what a new row is filled with, as a browser sends it."""
    if row.sort is RULE:
        return rules.begin(row.number, row.verdict, currency)
    return dict(levels.BEGIN if row.sort is LEVEL else escalation.BEGIN)


def taken(sort: Sort, said: Said, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows as the services take them; what is as it was shown stays as it was, to the letter."""
    found = []
    for place, row in enumerate(rows_in(said, sort)):
        values = {name.partition("_")[2]: value for name, value in said.items() if name.startswith(f"{row.key}_")}
        old = known[int(row.number) - 1] if int(row.number) <= len(known) else {}
        if sort is LEVEL and place == 0:
            values["parallel"] = False
        found.append(_kept(sort, sort.taken(values), old))
    return found


def _kept(sort: Sort, wanted: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    was = sort.taken(sort.shown(old)) if old else {}
    if _plain(was) == _plain(wanted):
        return dict(old)
    unseen = rules.unseen(old) if sort is RULE and old else {}
    return {**unseen, **wanted}


def _plain(row: Said) -> dict[str, str]:
    return {name: str(value) for name, value in row.items()}


def initial_of(sort: Sort, known: Iterable[Said]) -> dict[str, Any]:
    """Return what the form shows of the rows of one sort."""
    rows = ((Row(sort, number), one) for number, one in enumerate(known, start=1))
    return {row.name_of(field): value for row, one in rows for field, value in sort.shown(one).items()}
