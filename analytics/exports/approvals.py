"""The export of approvals: the columns of their list, without its limit of rows."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet

from analytics.exports.sources import SOURCES, Choice, Column, Kind, TableSource
from core.actors import Actor
from hitl.approvals.models.approval import LEVELS
from hitl.domain.permissions import EXPORT_LIST
from hitl.domain.state_machine import State
from hitl.exports.approvals import COLUMNS, READ, lines_of
from hitl.models import Approval
from hitl.selectors.approvals import VIEW

MOMENTS: dict[str, str] = {"created_at": "created_at", "due_at": "sla_due_at", "decided_at": "decided_at"}


KINDS: dict[str, Kind] = {**dict.fromkeys(MOMENTS, "moment"), "cost": "number"}


class ApprovalSource(TableSource):
    """Requests that were made in the span."""

    label: ClassVar[str] = "Approvals"
    permission: ClassVar[str] = EXPORT_LIST
    has_people: ClassVar[bool] = True
    columns: ClassVar[tuple[Column, ...]] = tuple(Column(name, KINDS.get(name, "text")) for name in COLUMNS)

    @classmethod
    def choices(cls) -> list[Choice]:
        return [
            Choice("state", "State", [(state.value, state.value.replace("_", " ").capitalize()) for state in State]),
            Choice("risk", "Risk", [(value, str(label)) for value, label in LEVELS]),
        ]

    @classmethod
    def rows(cls, *, viewer: Actor, filters: Mapping[str, str]) -> QuerySet[Approval]:
        """Return the filtered requests. Raises Refused."""
        viewer.require(VIEW)
        columns = {"state": "state", "risk": "risk_level"}
        wanted = {columns[name]: value for name, value in filters.items()}
        return Approval.objects.filter(**wanted).only(*READ)

    @classmethod
    def lines(cls, rows: Sequence[Approval], *, in_clear: bool) -> list[dict[str, Any]]:
        """Return the columns. Two queries."""
        found = lines_of(rows, in_clear=in_clear)
        for row, line in zip(rows, found, strict=True):
            line["cost"] = row.cost
            line |= {name: getattr(row, column) for name, column in MOMENTS.items()}
        return found


SOURCES.register("approvals", ApprovalSource)
