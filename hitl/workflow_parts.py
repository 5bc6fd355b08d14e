"""How the form of a workflow is laid out: parts, rows, levels, and what is folded away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.forms import Form
from django.forms.boundfield import BoundField

from hitl import workflow_ladder, workflow_rules

LEVELS_SHOWN: Final = 12
Rows = tuple[tuple[str, ...], ...]
_MATCHES: Final[Rows] = (
    ("name",), ("is_default",), ("kinds",), ("risk_levels",), ("min_cost", "max_cost", "currency"),
)  # fmt: skip
_MATCHES_RARE: Final[Rows] = (
    ("description",), ("priority",), ("condition",), ("channels",), ("agents",), ("contact_tags",), ("days",),
    ("from_time", "until_time"),
)  # fmt: skip
_ASKED: Final[Rows] = (("by_mail",),)
_LEVEL: Final[Rows] = (("approvers",), ("mode", "quorum"), ("sla_hours", "calendar_id"))
_LEVEL_RARE: Final[Rows] = (
    ("name",), ("parallel",), ("require_reason",), ("min_auth",), ("reject_threshold",), ("editable_fields",),
)  # fmt: skip
_CLOCK: Final[Rows] = (
    ("reminder_every_hours", "reminder_max"),
    *workflow_ladder.rows_of_step(1),
    ("expire_hours", "execute_within_hours"),
)
_CLOCK_RARE: Final[Rows] = (
    *(row for number in range(2, workflow_ladder.STEPS_SHOWN + 1) for row in workflow_ladder.rows_of_step(number)),
)
_ALONE: Final[Rows] = (
    *workflow_rules.ROWS,
    ("allow_override",),
    ("editor_may_vote",),
    ("fall_allows_fewer",),
    ("open_per_agent",),
)
# What is for those who may change all workflows.
_OF_ALL: Final = (*_MATCHES, *_MATCHES_RARE, *_ASKED, *_ALONE)
FOR_ALL: Final = frozenset(name for row in _OF_ALL for name in row) - {"name", "description"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the form, or one level in it: rows in sight and rows that begin folded."""

    key: str
    title: str
    intro: str = ""
    rows: Sequence[Sequence[BoundField]] = ()
    rare: Sequence[Sequence[BoundField]] = ()
    rare_title: str = ""
    is_rare_open: bool = False
    is_open: bool = True
    levels: Sequence[Part] = ()
    spare: Sequence[Part] = ()


def parts_of(form: Form) -> list[Part]:
    """Return the parts of the form of a workflow, in the order in which a request meets them."""
    levels = [_level(form, number) for number in range(1, LEVELS_SHOWN + 1)]
    last = max(place for place, level in enumerate(levels) if level.is_open)
    rare = _rows(form, _MATCHES_RARE)
    alone, steps = _rows(form, _ALONE), _rows(form, _CLOCK_RARE)
    return [
        Part(
            "matches", "What it matches", "Every request that fits all of this. Left empty, it does not matter.",
            _rows(form, _MATCHES), rare, "More conditions, and how it is ranked", _is_used(rare),
        ),
        Part(
            "levels", "Who signs", "Levels are asked one after the other; each starts its own clock.",
            _rows(form, _ASKED), levels=levels[: last + 1], spare=levels[last + 1 :],
        ),
        Part("clock", "When nobody answers", "Reminders and more people first; at last the request expires.",
             _rows(form, _CLOCK), steps, "More steps of the ladder", _is_used(steps)),
        Part("alone", "Automatic rules", "What may be decided without a person. Ceilings of the installation hold.",
             rare=alone, rare_title="Rules, edits and emergencies", is_rare_open=_is_used(alone)),
    ]  # fmt: skip


def _level(form: Form, number: int) -> Part:
    def named(rows: Rows) -> Rows:
        full = tuple(tuple(f"level{number}_{name}" for name in row) for row in rows)
        return tuple(row for row in full if all(name in form.fields for name in row))

    rows, rare = _rows(form, named(_LEVEL)), _rows(form, named(_LEVEL_RARE))
    is_asked = number == 1 or bool(form[f"level{number}_approvers"].value())
    is_wrong = any(field.errors for row in [*rows, *rare] for field in row)
    title = "More about this level"
    return Part(f"level{number}", f"Level {number}", "", rows, rare, title, _is_used(rare), is_asked or is_wrong)


def _rows(form: Form, names: Rows) -> list[list[BoundField]]:
    return [[form[name] for name in row] for row in names]


def _is_used(rows: Sequence[Sequence[BoundField]]) -> bool:
    """Tell whether a folded row holds anything but what it began with, or a mistake."""
    fields = [field for row in rows for field in row]
    return any(field.errors or _says_something(field) for field in fields)


def _says_something(field: BoundField) -> bool:
    value = field.value()
    return value not in (None, "", [], False) and str(value) != str(field.field.initial)
