"""Delivery progress of a mail: it only moves forward, for reports in any order and number."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

Status = Literal[
    "queued", "sending", "unknown", "sent", "failed", "dropped", "delivered", "bounced", "opened", "clicked"
]
What = Literal["sent", "failed", "dropped", "delivered", "bounced", "opened", "clicked"]

# A later status replaces an earlier one. A late bounce undoes a delivery; an opened mail has arrived.
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
    """One event of a mail; `error` is a code, `is_unreachable` says that the address takes no mail at all."""

    what: What
    at: datetime
    error: str = ""
    is_unreachable: bool = False
    error_text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """The status of a mail; each time is that of the earliest report of its kind."""

    status: Status = "queued"
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    failed_at: datetime | None = None
    error: str = ""


def advance(before: Progress, report: Report) -> Progress:
    """Return the progress after one more report; repeated and late reports give the same result."""
    status = max(before.status, report.what, key=RANK.__getitem__)
    if report.what in FAILURES:
        first = (report.at, report.error)
        if before.failed_at is not None:
            first = min(first, (before.failed_at, before.error))
        return replace(before, status=status, failed_at=first[0], error=first[1])
    column = f"{report.what}_at"
    earlier: datetime | None = getattr(before, column)
    moment: dict[str, Any] = {column: report.at if earlier is None else min(earlier, report.at)}
    return replace(before, status=status, **moment)
