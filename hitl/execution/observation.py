"""Observe the target of an approved request again, just before it is executed."""

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError

from core.errors import NotFound
from core.observability.logging import get_logger
from hitl.actions import registry
from hitl.actions.base import Facts
from hitl.actions.registry import AnyKind
from hitl.domain.digest import plain
from hitl.domain.state_machine import State
from hitl.models import Approval

log = get_logger(__name__)


@dataclass(frozen=True)
class LatestObservation:
    """What the target looked like just before a claim, and which request it was observed for.

    Without a `kind` the kind of action is not installed any more; without `facts` it could not be observed.
    """

    revision: int
    kind_key: str
    agent_id: UUID | None
    payload: dict[str, Any]
    kind: AnyKind | None = None
    params: BaseModel | None = None
    facts: Facts = field(default_factory=dict)
    is_failed: bool = False

    @property
    def is_kind_unknown(self) -> bool:
        """Return True if the kind is not installed any more, or no longer accepts the payload."""
        return self.kind is None or self.params is None

    @property
    def is_complete(self) -> bool:
        """Return True if kind, parameters and facts are known."""
        return not self.is_kind_unknown and not self.is_failed

    def is_of(self, approval: Approval) -> bool:
        """Return True if the locked approval is the one that was observed."""
        observed = self.revision, self.kind_key, self.agent_id, self.payload
        return observed == (approval.revision, approval.kind, approval.agent_id, approval.payload)


def observe_again(approval: Approval) -> LatestObservation:
    """Observe the target of an approved request. Makes an outside call; never call it inside a transaction."""
    nothing = LatestObservation(approval.revision, approval.kind, approval.agent_id, approval.payload)
    try:
        kind = registry.get(approval.kind)
        params = kind.params_model.model_validate(approval.payload)
    except (NotFound, ValidationError):
        return nothing
    known = replace(nothing, kind=kind, params=params)
    if approval.state != State.APPROVED:
        return known
    try:
        return replace(known, facts=plain(kind.observe(params)))
    except Exception:  # boundary: an adapter raises what it likes
        # Without facts nothing is claimed, and it is tried again.
        log.exception("facts_not_observed", kind=kind.key, approval=str(approval.pk))
        return replace(known, is_failed=True)
