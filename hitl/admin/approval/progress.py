"""What an approval's page says while it is carried out: until when its executor has it, and what happens then."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from console.templatetags.console_ui import clock
from core.clock import now
from hitl.actions import registry
from hitl.actions.base import ActionKind
from hitl.actions.registry import AnyKind
from hitl.domain.state_machine import State
from hitl.execution.claim import MAX_ATTEMPTS
from hitl.models import Approval, Execution

ON_ITS_WAY: Final = "What is on its way is not called back: it cannot be cancelled or taken back now."
WAITS: Final = "While it is on hold it is not taken up again."
LOST: Final = "Without a report nobody knows whether it happened: it is not tried again on a guess."
LOOKED_UP: Final = (
    "Its outcome is looked up; if that tells nothing, an administrator with no part in it settles it here."
)
SETTLED: Final = "An administrator with no part in it settles here what happened."


def under_way(approval: Approval, executions: Iterable[Execution]) -> list[str]:
    """Return the sentences about a request that is being carried out; nothing about any other."""
    found = [execution for execution in executions if execution.revision == approval.revision]
    if approval.state != State.EXECUTING or not found:
        return []
    kind = registry.get(approval.kind) if registry.is_known(approval.kind) else None
    return [_until(found[-1].lease_until), _then(approval, found[-1], kind), ON_ITS_WAY]


def _until(lease: datetime | None) -> str:
    if lease is None or lease <= now():
        return "Its executor has not reported in time."
    return f"Its executor has until {clock(lease, 'H:i:s')} to report what became of it."


def _then(approval: Approval, execution: Execution, kind: AnyKind | None) -> str:
    if kind is not None and kind.keyed and execution.attempt < MAX_ATTEMPTS:
        again = "Without a report it is taken up again under the same key, so that it happens once"
        return WAITS if approval.holds else f"{again} (try {execution.attempt} of {MAX_ATTEMPTS})."
    can_tell = kind is not None and type(kind).probe is not ActionKind.probe
    return f"{LOST} {LOOKED_UP if can_tell else SETTLED}"
