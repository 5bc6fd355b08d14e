"""What an approval's page shows: who may sign, what happened so far, and why the viewer cannot act."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from console.people import name_in, names_of
from console.templatetags.console_ui import exact
from core import audit
from core.actors import Actor
from core.models import AuditEntry
from core.pii import mask_text
from hitl.admin_display import RISKS, STATES, hold_words
from hitl.models import Approval, Decision, Execution, Seat
from hitl.services.closing import ADMINS
from hitl.transitions import WAITING, Event, State, may

EVENTS: Final[dict[str, tuple[str, str, str]]] = {
    "propose": ("Asked for", "info", "inbox"),
    "approve": ("Signed", "good", "check"),
    "reject": ("Rejected", "danger", "x"),
    "edit": ("Edited", "info", "redo"),
    "ask": ("Question asked", "info", "info"),
    "answer": ("Answered", "info", "chat"),
    "send_back": ("Sent back", "info", "redo"),
    "resubmit": ("Sent in again", "info", "redo"),
    "expire": ("Expired, nobody decided", "neutral", "clock"),
    "cancel": ("Cancelled", "neutral", "ban"),
    "supersede": ("Replaced by a newer request", "neutral", "redo"),
    "revoke": ("Approval taken back", "danger", "ban"),
    "claim": ("Started", "info", "bolt"),
    "drift": ("The world changed, signatures are void", "warn", "alert"),
    "lapse": ("Not carried out in time", "neutral", "clock"),
    "succeed": ("Carried out", "good", "check-circle"),
    "fail_clean": ("Failed, nothing happened outside", "danger", "x-circle"),
    "lose": ("Lost contact, outcome unknown", "serious", "alert"),
    "reclaim": ("Taken up again", "info", "bolt"),
    "probe": ("Outcome looked up", "info", "search"),
    "resolve": ("Outcome settled by a person", "info", "flag"),
    "hold": ("Put on hold", "warn", "pause"),
    "release": ("Released", "info", "play"),
}
MODES: Final = {
    "any": "Any one of them signs",
    "all": "Every one of them signs",
    "quorum": "A number of them sign",
    "per_group": "One of each group signs",
}
BANNERS: Final = {
    State.EXECUTED: "Approved and carried out",
    State.APPROVED: "Approved, about to be carried out",
    State.EXECUTING: "Approved and being carried out",
    State.UNKNOWN: "Approved, but nobody knows yet whether it happened",
    State.FAILED: "Approved, but it failed",
    State.REJECTED: "Rejected",
    State.EXPIRED: "Expired: nobody decided in time",
    State.CANCELLED: "Cancelled",
    State.SUPERSEDED: "Replaced by a newer request",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the timeline."""

    at: datetime
    what: str
    tone: str
    icon: str
    who: str
    note: str = ""


def page_of(approval: Approval, viewer: Actor) -> dict[str, Any]:
    """Return what the page shows besides the forms; a fixed number of statements."""
    entries = audit.chain_of("hitl.approval", approval.pk)
    decisions = list(Decision.objects.filter(approval=approval).order_by("id"))
    executions = list(Execution.objects.filter(approval=approval).order_by("id"))
    seats = list(Seat.objects.filter(approval=approval, revision=approval.revision).order_by("id"))
    people = [approval.requester_id, approval.decided_by_id, approval.assigned_to_id]
    people += [entry.actor_user_id for entry in entries] + [seat.person_id for seat in seats]
    names = names_of(people)
    return {
        "risk_tone": RISKS.get(approval.risk_level, ("", "neutral", ""))[1],
        "factors": sorted(approval.risk_factors, key=lambda factor: -factor["points"]),
        "requester": requester_words(approval, names),
        "notes": mask_text(approval.notes),
        "facts": facts_of(approval),
        "signing": signing(approval, seats, decisions, names, viewer),
        "timeline": timeline(entries, decisions, executions, names),
        "banner": banner(approval, names),
        "holds": hold_words(approval),
    }


def requester_words(approval: Approval, names: dict[UUID, str]) -> str:
    """Say who asks: a person, or an agent for one."""
    who = name_in(names, approval.requester_id, otherwise="")
    if approval.requester_kind == "agent":
        return f"An agent, for {who}" if who else "An agent"
    return who or "An API key"


def facts_of(approval: Approval) -> list[tuple[str, Any]]:
    """Return the world as it was when the request was made, readable."""
    return [
        (key.replace("_", " ").capitalize(), _plain(value))
        for key, value in sorted(approval.facts.items())
        if not isinstance(value, dict)
    ]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "–"
    return "–" if value in (None, "") else str(value)


def signing(
    approval: Approval,
    seats: list[Seat],
    decisions: list[Decision],
    names: dict[UUID, str],
    viewer: Actor,
) -> dict[str, Any]:
    """Return who may sign at the current level, and who has."""
    level = approval.current_level
    here = [seat for seat in seats if seat.level == approval.level]
    votes = {
        decision.person_id: decision.verdict
        for decision in decisions
        if decision.revision == approval.revision
        and decision.level == approval.level
        and decision.verdict in ("approve", "reject")
    }
    holders = [
        {
            "name": name_in(names, seat.person_id) + (" (you)" if seat.person_id == viewer.user_id else ""),
            "group": seat.group,
            "verdict": votes.get(seat.person_id, ""),
        }
        for seat in here
    ]
    rule = MODES.get(level.get("mode", ""), "")
    return {"level": level, "rule": rule, "holders": holders, "levels": len(approval.snapshot["levels"])}


def timeline(
    entries: list[AuditEntry],
    decisions: list[Decision],
    executions: Iterable[Execution],
    names: dict[UUID, str],
) -> list[Happening]:
    """Return what happened, oldest first: the audited moves with the reasons of the votes."""
    reasons = {event: iter([d for d in decisions if d.verdict == event[:10]]) for event in EVENTS}
    results = {execution.revision: execution for execution in executions}
    return [_happening(entry, reasons, results, names) for entry in entries if _event(entry)]


def _event(entry: AuditEntry) -> str:
    return entry.action.removeprefix("APPROVAL_").lower() if entry.action.startswith("APPROVAL_") else ""


def _happening(entry: AuditEntry, reasons: Any, results: dict[int, Execution], names: dict[UUID, str]) -> Happening:
    event = _event(entry)
    what, tone, icon = EVENTS.get(event, (event.replace("_", " ").capitalize(), "neutral", "dot"))
    who = name_in(names, entry.actor_user_id, otherwise=_machine_name(entry))
    note = ""
    said = next(reasons.get(event, iter(())), None)
    if said is not None:
        note = mask_text(said.reason)
    elif event in ("fail_clean", "lose", "claim") and entry.facts.get("revision") in results:
        execution = results[entry.facts["revision"]]
        note = execution.error if event != "claim" else f"Attempt {entry.facts.get('attempt', execution.attempt)}"
    return Happening(entry.at, what, tone, icon, who, note)


def _machine_name(entry: AuditEntry) -> str:
    kinds = {"agent": "The agent", "rule": f"Rule {entry.actor_name}", "api_key": "An API key"}
    return kinds.get(entry.actor_kind, "The system")


def banner(approval: Approval, names: dict[UUID, str]) -> dict[str, str] | None:
    """Return the banner of a decided approval: what became of it, by whom and when."""
    state = State(approval.state)
    if state not in BANNERS:
        return None
    _, tone, icon = STATES[state]
    who = name_in(names, approval.decided_by_id, otherwise=approval.decided_name)
    moment = approval.decided_at or approval.resolved_at
    word = (approval.decided_as or approval.state).replace("_", " ").capitalize()
    note = f"{word}{f' by {who}' if who else ''}" if moment else ""
    return {"title": BANNERS[state], "tone": tone, "icon": icon, "note": note, "when": exact(moment)}


def why_no_vote(approval: Approval, viewer: Actor) -> str:
    """Return why the viewer cannot sign or reject now; empty when he can."""
    if approval.state not in WAITING:
        return f"This is {STATES[approval.state][0].lower()}: there is nothing left to sign."
    if viewer.user_id in approval.excluded:
        return "You asked for this or it acts for you. Somebody else has to sign: four eyes."
    seats = Seat.objects.filter(approval=approval, revision=approval.revision, level=approval.level, closed_at=None)
    if not seats.filter(person=viewer.user_id).exists():
        return "You have no seat at this step. The people listed under “Who may sign” have."
    if approval.current_level.get("min_auth") == "mfa" and viewer.auth_strength != "mfa":
        return "This step asks for a second factor. Set one up under sign-in security and sign in again."
    return ""


def why_not_in_state(approval: Approval, event: Event) -> str:
    """Return why an event cannot happen in the approval's state; empty when it can."""
    if may(event, State(approval.state)):
        return ""
    return f"This cannot be done while it is {STATES[approval.state][0].lower()}."


def may_cancel(approval: Approval, viewer: Actor) -> bool:
    """Tell whether it is the viewer's own request, or he is an administrator."""
    return viewer.user_id == approval.requester_id or viewer.role in ADMINS
