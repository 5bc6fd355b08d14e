"""Undo an executed change: a request of its own that puts it back, linked to the one that made it."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from core.actors import Actor
from core.errors import Conflict
from core.observability.logging import get_logger
from hitl.actions import registry
from hitl.actions.base import Compensation, Facts, Origin
from hitl.approvals.change.propose import key_of_compensation, propose
from hitl.approvals.state import transitions
from hitl.approvals.state.conflicts import VIEW
from hitl.domain.permissions import PROPOSE
from hitl.domain.state_machine import OPEN, State
from hitl.models import Approval

log = get_logger(__name__)
NOT_EXECUTED: Final = "Only a change that was executed can be undone."


def compensation_of(approval: Approval) -> Compensation:
    """Return what would put the change of a request back, by its kind; only words where nothing does. No query."""
    try:
        kind = registry.get(approval.kind)
        return kind.compensation(kind.params_model.model_validate(approval.payload), approval.facts)
    except Exception:  # noqa: BLE001  # boundary: an adapter raises what it likes
        # Contents may have been erased, or the action may have changed.
        log.debug("compensation_unknown", kind=approval.kind)
        return Compensation("This change can't be undone any more.")


def find_compensation(approval: Approval) -> Approval | None:
    """Return the open request that undoes a request's change, or None. One query."""
    states = [state.value for state in OPEN]
    rows = Approval.objects.filter(dedupe_key=key_of_compensation(approval.pk), state__in=states)
    found: Approval | None = rows.first()
    return found


def why_no_compensation(approval: Approval) -> str:
    """Return why the change of a request can't be undone now, "" if it can. One query if it was executed."""
    if approval.state != State.EXECUTED:
        return NOT_EXECUTED
    found = compensation_of(approval)
    if not found.kind:
        return found.words
    existing = find_compensation(approval)
    return f"{existing.reference} asks for that already." if existing else ""


def compensate(*, actor: Actor, approval_id: UUID, even_if_moved: bool = False) -> Approval:
    """Request that an executed change is put back, and return the new request.

    It is decided like every other one. Who may: holders of `hitl.propose_approval` who may view approvals. One is open
    at a time. Outside calls before the transaction. Raises NotFound, Refused (`paused`), Conflict (`not_executed`,
    `no_compensation`, `compensation_open`, and `moved` if the value is no longer the one that was set, unless
    `even_if_moved`), Invalid if there is nothing to put back, Unavailable. Announces approval_opened.
    """
    actor.require(PROPOSE)
    actor.require(VIEW)
    done = transitions.read(approval_id)
    if done.state != State.EXECUTED:
        raise Conflict(NOT_EXECUTED, code="not_executed")
    found = compensation_of(done)
    if not found.kind:
        raise Conflict(found.words, code="no_compensation")
    existing = find_compensation(done)
    if existing is not None:
        said = f"{existing.reference} asks for that already. Decide it, or cancel it first."
        raise Conflict(said, code="compensation_open", reference=existing.reference)

    def refuse_moved(facts: Facts) -> None:
        moved = moved_since(found.expects, facts)
        if moved:
            said = f"It was changed again after {done.reference}: {moved}. Undo it all the same?"
            raise Conflict(said, code="moved")

    origin = Origin(
        requester_user_id=actor.user_id,
        address=actor.address,
        user_agent=actor.user_agent,
        notes=f"Undoes {done.reference}.",
        compensates=done.pk,
    )
    # What the request shows is what is compared: another reading before it would leave a gap.
    check = None if even_if_moved else refuse_moved
    return propose(actor=actor, kind=found.kind, params=found.params, origin=origin, check=check)


def moved_since(expects: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Return in words which facts are no longer as a change left them; "" if all are."""
    moved = [
        f"the {name.replace('_', ' ')} is {facts.get(name)} and no longer {value}"
        for name, value in expects.items()
        if facts.get(name) != value and not is_same_amount(facts.get(name), value)
    ]
    return ", ".join(moved)


def is_same_amount(one: Any, other: Any) -> bool:
    """Return True for amounts that differ in their decimals only."""
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return False
