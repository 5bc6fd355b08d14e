"""How the form of a workflow is laid out: parts, rows that are added and taken away, and what is folded away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.forms import Form
from django.forms.boundfield import BoundField

from hitl.admin.policy.workflow_form import escalation, levels, rules
from hitl.admin.policy.workflow_form.layout import BLANK, LEVEL, RULE, STEP, Row, Sort, free_number, wished

Rows = tuple[tuple[str, ...], ...]
_MATCHES: Final[Rows] = (
    ("name",), ("is_default",), ("kinds",), ("risk_levels",), ("min_cost", "max_cost", "currency"),
)  # fmt: skip
_MATCHES_RARE: Final[Rows] = (
    ("description",), ("priority",), ("condition",), ("channels",), ("agents",), ("contact_tags",), ("days",),
    ("from_time", "until_time"),
)  # fmt: skip
_ASKED: Final[Rows] = (("by_mail",), ("signs_once",))
_CLOCK: Final[Rows] = (("reminder_every_hours", "reminder_max"), ("expire_hours", "execute_within_hours"))
_ALONE: Final[Rows] = (("allow_override",), ("editor_may_vote",), ("fall_allows_fewer",), ("open_per_agent",))
_INTROS: Final = {
    "level": "Levels are asked one after the other; each starts its own clock.",
    "step": "Each step waits so many hours after the one before, the first from when a level is asked. Whoever signs "
    "instead takes the place of those who did not answer.",
    "rule": f"A rule that rejects goes before one that approves. {rules.CEILINGS}",
}
_ADDS: Final = {
    "level": (("level", "Add a level"),),
    "step": (("step", "Add a step"),),
    "rule": (("rule-approve", "Add a rule that approves"), ("rule-reject", "Add a rule that rejects")),
}
# What is for those who may change all workflows.
_OF_ALL: Final = (*_MATCHES, *_MATCHES_RARE, *_ASKED, *_ALONE)
FOR_ALL: Final = frozenset(name for row in _OF_ALL for name in row) - {"name", "description"}


@dataclass(frozen=True, slots=True)
class Item:
    """One level, step or rule as it is drawn: rows of fields in sight and rows that begin folded."""

    key: str
    add: str
    noun: str
    place: int
    does: str
    carried: Sequence[BoundField]
    rows: Sequence[Sequence[BoundField]]
    rare: Sequence[Sequence[BoundField]]
    is_rare_open: bool
    is_new: bool


@dataclass(frozen=True, slots=True)
class Many:
    """All levels, steps or rules, how many more there may be, and an empty one of each to copy."""

    sort: Sort
    intro: str
    following: int
    items: Sequence[Item]
    blanks: Sequence[Item]
    adds: Sequence[tuple[str, str]]

    @property
    def is_full(self) -> bool:
        """Tell whether there may be no more."""
        return len(self.items) >= self.sort.most


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the form: rows in sight, what there may be several of, and rows that begin folded."""

    key: str
    title: str
    intro: str = ""
    rows: Sequence[Sequence[BoundField]] = ()
    many: Many | None = None
    rare: Sequence[Sequence[BoundField]] = ()
    rare_title: str = ""
    is_rare_open: bool = False


def parts_of(form: Form, rows: Mapping[str, Sequence[Row]], blank: Form, *, locked: str, added: str) -> list[Part]:
    """Return the parts of the form of a workflow, in the order in which a request meets them.

    `rows` are the form's rows by sort and `blank` has an empty one of each; rows of the sort `locked`
    are only there to be read, and `added` is the key of the row that was just asked for.
    """

    def many(sort: Sort) -> Many:
        items = [_item(form, row, place, added) for place, row in enumerate(rows[sort.key], start=1)]
        adds = () if sort.key == locked else _ADDS[sort.key]
        blanks = [_item(blank, wished(wish, BLANK), 0, "") for wish, _ in adds]
        return Many(sort, _INTROS[sort.key], free_number([*form.fields, *form.initial], sort), items, blanks, adds)

    rare, alone = _rows(form, _MATCHES_RARE), _rows(form, _ALONE)
    return [
        Part(
            "matches", "What it matches", "Every request that fits all of this. Left empty, it does not matter.",
            _rows(form, _MATCHES), None, rare, "More conditions, and how it is ranked", _is_used(rare),
        ),
        Part("levels", "Who signs", "Whoever is asked finds it in the console.", _rows(form, _ASKED), many(LEVEL)),
        Part("clock", "When nobody answers", "Reminders and more people first; at last the request expires.",
             _rows(form, _CLOCK), many(STEP)),
        Part("alone", "Automatic rules", "What may be decided without a person. Ceilings of the installation hold.",
             (), many(RULE), alone, "Edits and emergencies", _is_used(alone)),
    ]  # fmt: skip


def _item(form: Form, row: Row, place: int, added: str) -> Item:
    sight, rare = _layout_of(row)
    shown, folded = _rows(form, _named(form, row, sight)), _rows(form, _named(form, row, rare))
    does, add = (rules.DOES[row.verdict], f"rule-{row.verdict}") if row.sort is RULE else ("", row.sort.key)
    carried = [form[row.name_of("verdict")]] if row.sort is RULE else []
    is_open, is_new = _is_used(folded), row.key == added
    return Item(row.key, add, row.sort.noun, place, does, carried, shown, folded, is_open, is_new)


def _layout_of(row: Row) -> tuple[Rows, Rows]:
    if row.sort is RULE:
        return rules.ROWS[row.verdict], ()
    return (escalation.ROWS, ()) if row.sort is STEP else (levels.ROWS, levels.RARE)


def _named(form: Form, row: Row, layout: Rows) -> Rows:
    full = (tuple(row.name_of(field) for field in fields) for fields in layout)
    return tuple(names for names in full if all(name in form.fields for name in names))


def _rows(form: Form, names: Rows) -> list[list[BoundField]]:
    return [[form[name] for name in row] for row in names]


def _is_used(rows: Sequence[Sequence[BoundField]]) -> bool:
    """Tell whether a folded row holds anything but what it began with, or a mistake."""
    fields = [field for row in rows for field in row]
    return any(field.errors or _says_something(field) for field in fields)


def _says_something(field: BoundField) -> bool:
    value = field.value()
    return value not in (None, "", [], False) and str(value) != str(field.field.initial)
