"""Describe to staff the kill switches that cover a request: what is paused, who did it, when and why."""

from typing import Any, Final
from uuid import UUID

from accounts.last_change import label_of
from core.actors import Actor
from core.errors import Refused
from core.privacy.pii import mask_text
from core.privacy.visible_text import visible
from hitl.killswitch import state, targets
from hitl.models import Approval, GlobalKillSwitch, KillSwitch
from hitl.seals.rules import RuleSeals

VIEW: Final = "hitl.view_approval"
OPERATOR: Final = "the operator"
INSTALLATION: Final = "installation"
EVERYWHERE: Final = "everything in all organisations"
HOLD: Final = "kill_switch"
Stop = dict[str, Any]
_PAUSED: Final = {
    KillSwitch.Scope.TENANT: "All actions of this organisation are paused by an emergency stop.",
    KillSwitch.Scope.AGENT: "The actions of this agent are paused by an emergency stop.",
    KillSwitch.Scope.KIND: "This kind of action is paused by an emergency stop.",
    KillSwitch.Scope.CONNECTION: "The connection that this needs is paused by an emergency stop.",
}
_SWITCHED_OFF: Final = "This organisation is deactivated, so nothing is executed."


def stops_covering(*, viewer: Actor, kind: str, agent_id: UUID | None, seals: RuleSeals | None = None) -> list[Stop]:
    """Describe each active switch that covers a request, the installation's first.

    For people who may see the queue, and their keys with that permission. Everyone else gets an empty list:
    an agent could repeat it in a chat. Two queries, and those for the names of targets.
    """
    if not _is_staff(viewer):
        return []
    return describe_stops(state.switches_covering(kind=kind, agent_id=agent_id, seals=seals), viewer)


def describe_stops(rows: list[GlobalKillSwitch | KillSwitch], viewer: Actor) -> list[Stop]:
    """Describe switches for a viewer; an empty list for anyone but staff."""
    if not _is_staff(viewer):
        return []
    names = targets.names() if any(isinstance(row, KillSwitch) and row.target for row in rows) else {}
    return [_describe_stop(row, viewer, names) for row in rows]


def stops_of(approval: Approval, viewer: Actor, seals: RuleSeals | None = None) -> list[Stop]:
    """Describe the switches that hold an approval; no query while none does."""
    if HOLD not in approval.holds:
        return []
    return stops_covering(viewer=viewer, kind=approval.kind, agent_id=approval.agent_id, seals=seals)


def paused(actor: Actor, *, kind: str, agent_id: UUID | None) -> Refused:
    """Return the error for a request that a switch covers.

    Of several switches, the widest. Who paused it and why is in its facts (`stopped`), for staff only.
    """
    rows = state.switches_covering(kind=kind, agent_id=agent_id)
    scopes = {KillSwitch.Scope.TENANT if isinstance(row, GlobalKillSwitch) else row.scope for row in rows}
    say = next((words for scope, words in _PAUSED.items() if scope in scopes), _SWITCHED_OFF)
    found = describe_stops(rows, actor)
    return Refused(say, code="paused", **({"stopped": found} if found else {}))


def _is_staff(viewer: Actor) -> bool:
    return viewer.kind == "user" and viewer.may(VIEW)


def _describe_stop(switch: GlobalKillSwitch | KillSwitch, viewer: Actor, names: dict[tuple[str, str], str]) -> Stop:
    about = {"at": switch.activated_at.isoformat(), "reason": visible(mask_text(switch.reason))}
    if isinstance(switch, GlobalKillSwitch):
        scope = {"scope": INSTALLATION, "target": "", "what": EVERYWHERE, "by": OPERATOR}
        return {"switch": str(switch.pk), **scope, **about}
    by = label_of(viewer, switch.activated_by_id, OPERATOR, "")
    scope = {"scope": switch.scope, "target": switch.target, "what": target_in_sentence(switch, names), "by": by}
    return {"switch": str(switch.pk), **scope, **about}


def target_title(switch: KillSwitch, names: dict[tuple[str, str], str]) -> str:
    """Return what a switch pauses, as a title."""
    if switch.scope == KillSwitch.Scope.TENANT:
        return "Everything"
    name = names.get((switch.scope, switch.target), switch.target)
    return f"Agent {name}" if switch.scope == KillSwitch.Scope.AGENT else name


def target_in_sentence(switch: KillSwitch, names: dict[tuple[str, str], str]) -> str:
    """Return what a switch pauses, for use inside a sentence."""
    what = target_title(switch, names)
    if switch.scope == KillSwitch.Scope.TENANT:
        return "everything"
    return f"the {what[:1].lower()}{what[1:]}" if switch.scope == KillSwitch.Scope.AGENT else f"“{what}”"
