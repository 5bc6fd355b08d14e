"""The condition of the workflow form as rows of fact, comparison and value."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from console.conditions.builder import ROWS_MAX, ConditionRowForm, ConditionRows
from console.conditions.row_forms import row_formset
from console.conditions.rows import signs_of
from core.expressions import NAMES, NUMBERS, REQUESTS, Vocabulary
from core.working_time import DAYS
from hitl.actions import registry
from hitl.domain.risk import LEVELS

ROWS: Final = replace(REQUESTS, takes_fields=False)
"""What rows can compare; a condition over custom fields is written as an expression."""
FACTS: Final = {
    "cost": "Cost", "currency": "Currency", "spent": "Requested in a day", "share": "Relative change (1 = doubled)",
    "reach": "People reached", "risk": "Risk (0 to 100)", "level": "Risk level", "kind": "Action",
    "tags": "Contact tags", "channel": "Channel", "agent": "Agent", "hour": "Hour (0 to 23)", "weekday": "Weekday",
}  # fmt: skip


def known_values() -> dict[str, dict[str, str]]:
    """Return the values of facts that have only some, with their names."""
    return {
        "level": {level: level for level in LEVELS},
        "weekday": {day: day for day in DAYS},
        "kind": dict(registry.titles()),
    }


class WorkflowRowForm(ConditionRowForm):
    """One comparison of a request's fact."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["value"].help_text = "Separate several values with commas."

    @classmethod
    def vocabulary(cls) -> Vocabulary:
        return ROWS

    def facts(self) -> Sequence[tuple[str, str]]:
        return list(FACTS.items())

    def known_values(self, fact: str) -> Mapping[str, str]:
        return known_values().get(fact, {})


class WorkflowRows(ConditionRows):
    """All comparisons of a workflow's condition."""

    intro = "If a fact is unknown for a request, a person must approve."


ConditionFormSet = row_formset(WorkflowRowForm, WorkflowRows, ROWS_MAX)


def types_of_facts() -> dict[str, Any]:
    """Return for the page's script which comparisons and values each fact has."""
    known = known_values()
    return {
        fact: {
            "signs": list(signs_of(fact, ROWS)),
            "values": list(known.get(fact, ())),
            "isNumber": fact in NUMBERS,
        }
        for fact in sorted(NAMES)
    }
