"""What is known of the things that requests are about, without an outside call: higher apps register it by type."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from core.actors import Actor
from core.events import streams
from core.registry import Registry
from hitl.actions import registry
from hitl.domain.state_machine import OPEN
from hitl.models import Approval


@dataclass(frozen=True, slots=True)
class Target:
    """A thing as it was seen last: the kinds of action that change it, and values that a form of theirs begins with."""

    name: str
    kinds: Sequence[str]
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Mark:
    """What was seen of a request's target: a change since the request or its execution, and when that was read back."""

    changed_at: datetime | None = None
    changed_by: str = ""
    changes: Sequence[str] = ()
    """Sentences without personal data."""
    is_decided_again: bool = False
    """Whether the request has to be decided again, if it stays like this."""
    gone_at: datetime | None = None
    read_back_at: datetime | None = None

    @property
    def has_changed(self) -> bool:
        """Return True if somebody changed the target."""
        return self.changed_at is not None or bool(self.changes)


class TargetType(ABC):
    """The things of one type; `ActionKind.target` names it."""

    @abstractmethod
    def find(self, viewer: Actor, target_id: UUID) -> Target | None:
        """Return a thing by our own id; None if the viewer may not see it, or nothing can be requested for it."""

    @abstractmethod
    def marks(self, approvals: Sequence[Approval]) -> Mapping[UUID, Mark]:
        """Return the marks of requests that have one, by their ids. At most two queries, however many there are."""


targets: Final[Registry[TargetType]] = Registry(TargetType, name="type of target")  # type: ignore[type-abstract]


def find_target(*, viewer: Actor, kind: str, target_id: UUID) -> Target | None:
    """Return what a request of a known kind can be about.

    None for something that the viewer may not see or that such a request can't change.
    """
    of_type = dict(targets.items()).get(registry.get(kind).target)
    found = of_type().find(viewer, target_id) if of_type else None
    return found if found and kind in found.kinds else None


def find_marks(approvals: Sequence[Approval]) -> dict[UUID, Mark]:
    """Return what was seen of the targets of requests, by the requests' ids. Two queries a type at most."""
    found: dict[UUID, Mark] = {}
    for name, of_type in targets.items():
        if rows := [one for one in approvals if registry.is_known(one.kind) and registry.get(one.kind).target == name]:
            found |= of_type().marks(rows)
    return found


def tell_of_changes(*, kinds: Collection[str], target: str, references: Collection[str]) -> None:
    """Publish which open requests have a target that was changed outside.

    Open pages mark them at once. `references` are the targets' ids there, which the parameter `target` of the kinds
    holds. To be called last in the transaction that keeps the change. One query, and an event for each request.
    """
    rows = Approval.objects.filter(kind__in=kinds, state__in=OPEN, **{f"payload__{target}__in": list(references)})
    streams.append_all(
        [
            streams.NewEvent("queue", "approval.marked", {"approval_id": str(key), "reference": reference}, key)
            for key, reference in rows.values_list("pk", "reference")
        ]
    )
