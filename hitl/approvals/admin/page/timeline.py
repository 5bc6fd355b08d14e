"""Show the activity on an approval's page, the banner of its outcome, and what happens during its execution."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from console.names import name_in
from console.templatetags.console_ui import clock, exact
from core.clock import now
from core.privacy.pii import mask_text
from core.privacy.visible_text import visible
from hitl.actions import registry
from hitl.actions.base import ActionKind
from hitl.approvals.state.conflicts import rule_title
from hitl.decision_links.rules import CHANNEL
from hitl.display import STATES, pause_words
from hitl.domain.state_machine import State
from hitl.execution.claim import MAX_ATTEMPTS
from hitl.execution.execute import WARNING
from hitl.models import Approval, Execution
from hitl.selectors.timeline import TimelineEntry

EVENTS: Final[dict[str, tuple[str, str, str]]] = {
    "propose": ("Requested", "info", "inbox"),
    "approve": ("Approved", "good", "check"),
    "reject": ("Rejected", "danger", "x"),
    "edit": ("Edited", "info", "redo"),
    "ask": ("Question asked", "info", "info"),
    "answer": ("Question answered", "info", "chat"),
    "send_back": ("Sent back for changes", "info", "redo"),
    "resubmit": ("Resubmitted", "info", "redo"),
    "escalate": ("Escalated to more approvers", "warn", "alert"),
    "delegate": ("Delegated", "info", "redo"),
    "reassign": ("Approver changed", "info", "redo"),
    "override": ("Approved in an emergency", "serious", "alert"),
    "expire": ("Expired without a decision", "neutral", "clock"),
    "cancel": ("Cancelled", "neutral", "ban"),
    "supersede": ("Replaced by a newer request", "neutral", "redo"),
    "revoke": ("Approval revoked", "danger", "ban"),
    "claim": ("Execution started", "info", "bolt"),
    "drift": ("Conditions changed; approvals were reset", "warn", "alert"),
    "lapse": ("Not executed in time", "neutral", "clock"),
    "succeed": ("Executed", "good", "check-circle"),
    "fail_clean": ("Failed; nothing was changed", "danger", "x-circle"),
    "lose": ("Connection lost; outcome unknown", "serious", "alert"),
    "reclaim": ("Retried", "info", "bolt"),
    "probe": ("Outcome checked", "info", "search"),
    "resolve": ("Outcome recorded by a person", "info", "flag"),
    "hold": ("Put on hold", "warn", "pause"),
    "release": ("Released", "info", "play"),
}
REPORTS: Final = {
    "succeeded": "executed",
    "failed_clean": "failed, nothing was changed",
    "unknown": "outcome unknown",
}
PAUSED: Final = "It stays approved and is executed when calls go on, unless its deadline passes first."
BANNERS: Final = {
    State.EXECUTED: "Approved and executed",
    State.APPROVED: "Approved, executing soon",
    State.EXECUTING: "Approved and executing",
    State.UNKNOWN: "Approved, outcome unknown",
    State.FAILED: "Approved, but execution failed",
    State.REJECTED: "Rejected",
    State.EXPIRED: "Expired without a decision",
    State.CANCELLED: "Cancelled",
    State.SUPERSEDED: "Replaced by a newer request",
}
FINAL: Final = "You can't cancel or revoke the request while it is executing."
AGAIN: Final = "If it doesn't, it is retried with the same idempotency key, so that it happens only once"
WAITS: Final = "It is not retried while the request is on hold."
LOST: Final = "If it doesn't, the outcome is unknown and it is not retried."
CHECKED: Final = (
    "The outcome is then checked; if that doesn't help, an administrator who wasn't involved records it here."
)
RECORDED: Final = "An administrator who wasn't involved then records the outcome here."


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One line of the activity."""

    at: datetime
    what: str
    tone: str
    icon: str
    who: str
    note: str = ""


def timeline(entries: Sequence[TimelineEntry], executions: Iterable[Execution]) -> list[TimelineItem]:
    """Return the activity, oldest first."""
    results = {execution.revision: execution for execution in executions}
    items = [_item(entry, results.get(entry.facts.get("revision", 0))) for entry in entries]
    for execution in results.values():
        for report in execution.late_reports.all():
            if entries and report.reported_at >= entries[0].at:
                said = REPORTS.get(report.outcome, report.outcome.replace("_", " "))
                note = f"Attempt {report.fence} reported after it had been given up: {said}. Nothing followed from it."
                items.append(TimelineItem(report.reported_at, "Late report of an execution", "warn", "alert", "", note))
    return sorted(items, key=lambda item: item.at) if len(items) > len(entries) else items


def _item(entry: TimelineEntry, execution: Execution | None) -> TimelineItem:
    unknown = (entry.action.replace("_", " ").capitalize(), "neutral", "dot")
    what, tone, icon = EVENTS.get(entry.action, unknown)
    facts, note = entry.facts, visible(mask_text(entry.reason))
    if execution is not None and entry.action in ("fail_clean", "lose"):
        note = execution.error
    elif execution is not None and entry.action in ("succeed", "probe") and execution.result.get(WARNING):
        note = visible(str(execution.result[WARNING]))
    elif execution is not None and entry.action == "claim":
        note = f"Attempt {facts.get('attempt', execution.attempt)}"
    elif not note and entry.action == "supersede" and facts.get("superseded_by"):
        note = f"By {facts['superseded_by']}"
    elif not note and entry.action == "propose" and facts.get("supersedes"):
        note = f"Replaces {', '.join(facts['supersedes'])}"
    elif not note and entry.action == "propose" and facts.get("compensates"):
        note = "Undoes an earlier change"
    elif not note and entry.action in ("edit", "resubmit") and facts.get("fields"):
        note = f"Changed: {', '.join(str(name).replace('_', ' ') for name in facts['fields'])}"
    elif facts.get("flag"):
        note = f"{str(facts['flag']).replace('_', ' ').capitalize()}: {note}".removesuffix(": ")
    elif not note and entry.action == "reassign":
        words = (("lost", "lost the right to decide"), ("regained", "can decide again"))
        counts = [(len(facts.get(key) or ()), text) for key, text in words]
        note = "; ".join(f"{count} approver{'s' * (count > 1)} {text}" for count, text in counts if count)
    return TimelineItem(entry.at, what, tone, icon, _by_whom(entry), note)


def _by_whom(entry: TimelineEntry) -> str:
    """Return who did it, "" for what happens by itself."""
    kinds = {"agent": "by the agent", "rule": f"by {rule_title(entry.actor)}", "api_key": "by an API key"}
    if entry.person_id is None:
        return kinds.get(entry.actor_kind, "")
    is_known = entry.actor != entry.actor_kind
    way = ", through an approve-by-email link" if entry.channel == CHANNEL else ""
    return f"by {entry.actor if is_known else 'a former member'}{way}"


def banner(approval: Approval, names: dict[UUID, str]) -> dict[str, str] | None:
    """Return the banner of a decided approval: the outcome, who decided, when. None while it is undecided."""
    state = State(approval.state)
    if state not in BANNERS:
        return None
    _, tone, icon = STATES[state]
    name = "" if approval.decided_role == "system" else rule_title(approval.decided_name)
    who = name_in(names, approval.decided_by_id, otherwise=name)
    moment = approval.decided_at or approval.resolved_at
    word = (approval.decided_as or approval.state).replace("_", " ").capitalize()
    note = f"{word} by {who}" if moment and who else ""
    title = "Approved, on hold" if state == State.APPROVED and approval.holds else BANNERS[state]
    return {"title": title, "tone": tone, "icon": icon, "note": note, "when": exact(moment)}


def under_way(approval: Approval, executions: Iterable[Execution]) -> list[str]:
    """Return what happens while the approval is executed, or why an approved one can't be; else nothing."""
    if reason := pause_words(approval):
        return [reason, PAUSED]
    found = [execution for execution in executions if execution.revision == approval.revision]
    if approval.state != State.EXECUTING or not found:
        return []
    execution, kind = found[-1], registry.get(approval.kind) if registry.is_known(approval.kind) else None
    until = "The execution did not report back in time."
    if execution.lease_until is not None and execution.lease_until > now():
        until = f"The execution has to report back by {clock(execution.lease_until, 'H:i:s')}."
    if kind is not None and kind.keyed and execution.attempt < MAX_ATTEMPTS:
        return [until, WAITS if approval.holds else f"{AGAIN} (attempt {execution.attempt} of {MAX_ATTEMPTS}).", FINAL]
    can_tell = kind is not None and type(kind).probe is not ActionKind.probe
    return [until, f"{LOST} {CHECKED if can_tell else RECORDED}", FINAL]
