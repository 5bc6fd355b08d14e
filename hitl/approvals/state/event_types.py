"""The events of approvals: their shapes, and which stream owns them.

The queue owns them; first views have a stream of their own, to which nobody listens. The chat that an approval
belongs to is told in its own words.
"""

from typing import Final

from core.catalogue import Code, EventType, ForListeners, Id, Shape, register

QUEUE: Final = "queue"
CUSTOMER: Final = "conversation"
VIEWS: Final = "approval-views"
VIEWED: Final = "approval.viewed"


class Move(Shape):
    """One transition: who made it, and of a level that it ended whether that was late."""

    event: Code
    state: Code
    by: Code
    person: Id | None = None
    level: int | None = None
    late: bool | None = None


class Counted(Shape):
    """What figures are counted from; `age` and `since_decision` in seconds."""

    kind: Code
    agent: Id | None = None
    channel: Code | None = None
    in_conversation: bool = False
    cost: Code | None = None
    currency: Code | None = None
    edited: bool = False
    age: float
    since_decision: float | None = None
    moves: list[Move]


class ApprovalShape(Shape):
    """An approval after a move."""

    approval_id: Id
    reference: Code
    state: Code
    version: int
    risk_level: Code
    holds: list[Code]
    counted: Counted | None = None


class AlertShape(ApprovalShape):
    """An approval that needs an administrator, and why."""

    problem: Code


class NamedShape(Shape):
    """Which approval something happened to that moved it nowhere."""

    approval_id: Id
    reference: Code


class ViewShape(Shape):
    """The first view of an approval, and how many seconds after the request it was."""

    approval_id: Id
    kind: Code
    risk_level: Code
    agent: Id | None
    seconds: float


class SwitchShape(Shape):
    """An emergency stop."""

    switch_id: Id
    scope: Code


class PendingCard(Shape):
    """An approval as the chat shows it, with its masked summary."""

    approval_id: Id
    reference: Code
    state: Code
    summary: ForListeners[str]


class ClosedCard(Shape):
    """The end of an approval as the chat shows it."""

    approval_id: Id
    reference: Code
    state: Code
    outcome: Code


_APPROVAL: Final = {"approval_id": "approval"}
_SWITCH: Final = {"switch_id": "emergency stop"}

register(
    EventType("approval.opened", "An approval was requested.", ApprovalShape, QUEUE, version=2, names=_APPROVAL),
    EventType(
        "approval.updated",
        "An approval moved: decided, changed, put on hold, executed.",
        ApprovalShape,
        owner=QUEUE,
        version=2,
        names=_APPROVAL,
    ),
    EventType(
        "approval.alert",
        "An approval needs an administrator.",
        AlertShape,
        QUEUE,
        version=2,
        names=_APPROVAL,
        public="approval.alerted",
    ),
    EventType(
        "approval.overdue",
        "An approval is overdue.",
        NamedShape,
        owner=QUEUE,
        names=_APPROVAL,
        public="approval.became_overdue",
    ),
    EventType(
        "approval.marked",
        "What an approval is about was changed on its platform.",
        NamedShape,
        owner=QUEUE,
        names=_APPROVAL,
    ),
    EventType(
        VIEWED,
        "A waiting request was opened by an approver for the first time.",
        ViewShape,
        owner=VIEWS,
        names={**_APPROVAL, "agent": "agent"},
    ),
    EventType("killswitch.activated", "An emergency stop was activated.", SwitchShape, owner=QUEUE, names=_SWITCH),
    EventType("killswitch.released", "An emergency stop was released.", SwitchShape, owner=QUEUE, names=_SWITCH),
    EventType("approval_pending", "The chat hears of a request.", PendingCard, told={CUSTOMER: PendingCard}),
    EventType("approval_closed", "The chat hears of its end.", ClosedCard, told={CUSTOMER: ClosedCard}),
)
