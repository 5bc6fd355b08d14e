"""How far a mail has come: forward only, whatever the order and number of the reports about it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

Status = Literal[
    "queued", "sending", "unknown", "sent", "failed", "dropped", "delivered", "bounced", "opened", "clicked"
]
What = Literal["sent", "failed", "dropped", "delivered", "bounced", "opened", "clicked"]

# In this order a status replaces another. A late bounce undoes a delivery; who opened a mail has it.
ORDER: Final[tuple[Status, ...]] = (
    "queued",
    "sending",
    "unknown",
    "sent",
    "failed",
    "dropped",
    "delivered",
    "bounced",
    "opened",
    "clicked",
)
RANK: Final = {status: number for number, status in enumerate(ORDER)}
FAILURES: Final = frozenset({"failed", "dropped", "bounced"})


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that happened to a mail; `error` is a code."""

    what: What
    at: datetime
    error: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a mail: each moment is that of the earliest report of its kind."""

    status: Status = "queued"
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    failed_at: datetime | None = None
    error: str = ""


def advance(before: Progress, report: Report) -> Progress:
    """Return the progress after one more report; doubled and overtaken ones lead to the same end."""
    status = max(before.status, report.what, key=RANK.__getitem__)
    if report.what in FAILURES:
        first = (report.at, report.error)
        if before.failed_at is not None:
            first = min(first, (before.failed_at, before.error))
        return replace(before, status=status, failed_at=first[0], error=first[1])
    column = f"{report.what}_at"
    known: datetime | None = getattr(before, column)
    moment: dict[str, Any] = {column: report.at if known is None else min(known, report.at)}
    return replace(before, status=status, **moment)
