"""What staff are told of the switches that cover a request: what is stopped, who stopped it, when and why."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from accounts.last_change import label_of
from core.actors import Actor
from core.errors import Refused
from core.privacy.pii import mask_text
from core.privacy.visible_text import visible
from hitl.killswitch import state
from hitl.killswitch import targets as stoppable
from hitl.models import Approval, GlobalKillSwitch, KillSwitch

VIEW: Final = "hitl.view_approval"
OPERATOR: Final = "the operator"
INSTALLATION: Final = "installation"
EVERYWHERE: Final = "everything in all organisations"
HOLD: Final = "kill_switch"
Stop = dict[str, Any]
_PAUSED: Final = {
    KillSwitch.Scope.TENANT: "Everything that is signed here is stopped for now with a stop switch.",
    KillSwitch.Scope.AGENT: "What this agent asks for is stopped for now with a stop switch.",
    KillSwitch.Scope.KIND: "This kind of action is stopped for now with a stop switch.",
}
_SWITCHED_OFF: Final = "Nothing is carried out for this organisation for now."


def stops_covering(*, viewer: Actor, kind: str, agent_id: UUID | None) -> list[Stop]:
    """Return each thrown switch that covers such a request, the installation's own first.

    For people who may see the queue, and their keys with that right. Everybody else gets nothing: what
    an agent is told may be read out in a chat. Two queries, and what the names of each need.
    """
    return describe_stops(state.switches_covering(kind=kind, agent_id=agent_id), viewer) if _is_staff(viewer) else []


def describe_stops(rows: list[GlobalKillSwitch | KillSwitch], viewer: Actor) -> list[Stop]:
    """Return what `stops_covering` does, of switches that were read already."""
    if not _is_staff(viewer):
        return []
    names = stoppable.names() if any(isinstance(row, KillSwitch) and row.target for row in rows) else {}
    return [_describe_stop(row, viewer, names) for row in rows]


def stops_of(approval: Approval, viewer: Actor) -> list[Stop]:
    """Return the same of an approval that is held by a switch; nothing, and no query, while it is not."""
    if HOLD not in approval.holds:
        return []
    return stops_covering(viewer=viewer, kind=approval.kind, agent_id=approval.agent_id)


def paused(actor: Actor, *, kind: str, agent_id: UUID | None) -> Refused:
    """Return the error for what is asked under a switch: how much is stopped, of several the widest.

    Only its facts (`stopped`) say who threw it and why.
    """
    rows = state.switches_covering(kind=kind, agent_id=agent_id)
    scopes = {KillSwitch.Scope.TENANT if isinstance(row, GlobalKillSwitch) else row.scope for row in rows}
    say = next((words for scope, words in _PAUSED.items() if scope in scopes), _SWITCHED_OFF)
    found = describe_stops(rows, actor)
    return Refused(say, code="paused", **({"stopped": found} if found else {}))


def _is_staff(viewer: Actor) -> bool:
    return viewer.kind == "user" and viewer.may(VIEW)


def _describe_stop(switch: GlobalKillSwitch | KillSwitch, viewer: Actor, names: dict[tuple[str, str], str]) -> Stop:
    about = {"at": switch.thrown_at.isoformat(), "reason": visible(mask_text(switch.reason))}
    if isinstance(switch, GlobalKillSwitch):
        scope = {"scope": INSTALLATION, "target": "", "what": EVERYWHERE, "by": OPERATOR}
        return {"switch": str(switch.pk), **scope, **about}
    by = label_of(viewer, switch.thrown_by_id, OPERATOR, "")
    scope = {"scope": switch.scope, "target": switch.target, "what": target_in_sentence(switch, names), "by": by}
    return {"switch": str(switch.pk), **scope, **about}


def target_title(switch: KillSwitch, targets: dict[tuple[str, str], str]) -> str:
    """Say what a switch stops, in words."""
    if switch.scope == KillSwitch.Scope.TENANT:
        return "Everything"
    name = targets.get((switch.scope, switch.target), switch.target)
    return f"Agent {name}" if switch.scope == KillSwitch.Scope.AGENT else name


def target_in_sentence(switch: KillSwitch, targets: dict[tuple[str, str], str]) -> str:
    """Say what a switch stops, inside a sentence."""
    what = target_title(switch, targets)
    if switch.scope == KillSwitch.Scope.TENANT:
        return "everything"
    return f"the {what[:1].lower()}{what[1:]}" if switch.scope == KillSwitch.Scope.AGENT else f"“{what}”"
