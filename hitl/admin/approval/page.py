"""What an approval's page shows: who may sign, what happened so far, and why the viewer cannot act."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from console.names import name_in, names_of
from console.templatetags.console_ui import exact
from core.actors import Actor
from core.clock import now as clock_now
from core.privacy.pii import mask_text
from core.privacy.visible_text import visible
from hitl.admin.approval.facts import facts_beside, known_names, plain, readable, words_of
from hitl.admin.approval.notifications import clocks_and_messages
from hitl.admin.approval.progress import under_way
from hitl.admin.approval.rule import rule_of
from hitl.admin.approval.text_diff import is_long, lines_between
from hitl.approvals.close import ADMINS
from hitl.approvals.conflicts import rule_in_words
from hitl.approvals.context import DecisionContext
from hitl.approvals.decision_mac import verify
from hitl.approvals.votes import approvers_before
from hitl.decision_links.rules import CHANNEL
from hitl.display import RISKS, STATES, factor_rows, flag_words, hold_words, stops_in_words
from hitl.domain.state_machine import WAITING, Event, State, may
from hitl.masking import signed_parts
from hitl.models import Approval, ApproverGroup, Decision, Execution, OverrideReview, Revision, Seat
from hitl.selectors import list_decisions, list_executions
from hitl.selectors.timeline import TimelineEntry, history

EVENTS: Final[dict[str, tuple[str, str, str]]] = {
    "propose": ("Asked", "info", "inbox"),
    "approve": ("Signed", "good", "check"),
    "reject": ("Rejected", "danger", "x"),
    "edit": ("Edited", "info", "redo"),
    "ask": ("Question asked", "info", "info"),
    "answer": ("Answered", "info", "chat"),
    "send_back": ("Sent back", "info", "redo"),
    "resubmit": ("Sent in again", "info", "redo"),
    "escalate": ("Escalated, more people are asked", "warn", "alert"),
    "delegate": ("Seat passed on", "info", "redo"),
    "reassign": ("Seat reassigned", "info", "redo"),
    "override": ("Approved by override", "serious", "alert"),
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
FOUR_EYES: Final = (
    "You asked for this, had a hand in it or could have read a signer's link to it. "
    "Somebody else has to sign: four eyes."
)
MODES: Final = {
    "any": "Any one of them signs",
    "all": "Every one of them signs",
    "quorum": "{quorum} of them sign",
    "per_group": "One of each group signs",
    "parallel": "Each of these steps, in any order",
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
SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the timeline."""

    at: datetime
    what: str
    tone: str
    icon: str
    who: str
    note: str = ""


def page_of(approval: Approval, viewer: Actor, *, before: int | None = None) -> dict[str, Any]:
    """Return what the page shows besides the forms, the story below the entry `before`; a fixed
    number of statements."""
    told = history(viewer=viewer, approval_id=approval.pk, before=before, limit=SHOWN + 1)
    decisions = list_decisions(viewer=viewer, approval_id=approval.pk)
    executions = list_executions(viewer=viewer, approval_id=approval.pk)
    seats = list(Seat.objects.filter(approval=approval, revision=approval.revision).order_by("id"))
    people = [approval.requester_id, approval.decided_by_id, approval.assigned_to_id]
    people += [person for seat in seats for person in (seat.person_id, seat.rightful_id, seat.for_person_id)]
    names = names_of(people)
    shown, seen = told[-SHOWN:], signed_parts(approval, viewer)
    return {
        "risk_tone": RISKS.get(approval.risk_level, ("", "neutral", ""))[1],
        "factors": factor_rows(approval),
        "requester": requester_words(approval, names),
        "notes": visible(mask_text(approval.notes)),
        "seen": seen,
        "facts": readable(facts_beside(seen["preview"], seen["facts"])),
        "rule": rule_of(approval, viewer),
        "signing": signing(approval, seats, decisions, names, viewer),
        "timeline": timeline(shown, executions),
        "earlier": shown[0].seq if len(told) > SHOWN else None,
        "is_earlier_part": before is not None,
        "banner": banner(approval, names),
        "under_way": under_way(approval, executions),
        "review": review_words(approval),
        "revisions": revisions(approval, viewer),
        "question": question(approval, decisions),
        "holds": hold_words(approval),
        "flags": flag_words(approval),
        # A stop switch says no more there than that; who threw it and why is read from the switch.
        "hold_reason": "" if approval.holds == ["kill_switch"] else seen["hold_reason"],
        "stops": stops_in_words(approval, viewer),
        **clocks_and_messages(approval, viewer),
    }


def requester_words(approval: Approval, names: dict[UUID, str]) -> str:
    """Say who asks: a person, or an agent for one."""
    who = name_in(names, approval.requester_id, otherwise="")
    if approval.requester_kind == "agent":
        return f"{who}, through an agent" if who else "an agent"
    return who or "an API key"


def revisions(approval: Approval, viewer: Actor) -> list[dict[str, Any]]:
    """Return what each edit changed, newest first; those who do not sign see it masked."""
    if approval.revision == 1:
        return []
    is_signer = viewer.may("hitl.decide_approval")
    rows = Revision.objects.filter(approval=approval).order_by("-revision")
    return [
        {
            "number": row.revision,
            "what": "Edited by a signer" if row.event == "edit" else "Sent in again",
            "at": row.created_at,
            "rows": [_changed(approval, each, is_signer=is_signer) for each in row.diff],
            "risk": f"{row.risk_before} → {row.risk_after}",
        }
        for row in rows
    ]


def _changed(approval: Approval, row: dict[str, Any], *, is_signer: bool) -> dict[str, Any]:
    called = known_names(approval.facts)
    values = {name: plain(row[name], approval.currency) for name in ("before", "after")}
    shown = {name: called.get(text) or (text if is_signer else mask_text(text)) for name, text in values.items()}
    lines = lines_between(shown["before"], shown["after"]) if is_long(*shown.values()) else []
    return {"label": words_of(row["field"]), **shown, "lines": lines}


def question(approval: Approval, decisions: Sequence[Decision]) -> str:
    """Return what the requester has to answer or to change, masked; empty when it is not his turn."""
    wanted = {State.INFO_REQUESTED: "ask", State.RETURNED: "send_back"}.get(State(approval.state))
    said = [row.reason for row in decisions if row.verdict == wanted]
    return visible(mask_text(said[-1])) if said else ""


def signing(
    approval: Approval,
    seats: list[Seat],
    decisions: list[Decision],
    names: dict[UUID, str],
    viewer: Actor,
) -> dict[str, Any]:
    """Return who may sign at the current level, and who has."""
    level = approval.current_level
    here = [seat for seat in seats if seat.level == approval.level and seat.moved_at is None]
    votes = {
        decision.person_id: decision.verdict
        for decision in decisions
        if decision.revision == approval.revision
        and decision.level == approval.level
        and decision.verdict in ("approve", "reject")
        and verify(decision)
    }
    groups = _group_names(here)
    holders = [
        {
            "name": name_in(names, seat.person_id) + (" (you)" if seat.person_id == viewer.user_id else ""),
            "group": _place_words(seat, names, groups),
            "verdict": votes.get(seat.person_id, ""),
        }
        for seat in here
    ]
    rule = MODES.get(level.get("mode", ""), "").format(quorum=level.get("quorum", 1))
    return {"level": level, "rule": rule, "holders": holders, "levels": len(approval.snapshot["levels"])}


def _group_names(seats: list[Seat]) -> dict[str, str]:
    """Return the names of the groups that seats stand for; no query where there are none."""
    found = {UUID(group) for seat in seats if _is_uuid(group := seat.group.rpartition(":")[2])}
    rows = ApproverGroup.objects.filter(pk__in=found) if found else []
    return {str(row.pk): row.name for row in rows}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _place_words(seat: Seat, names: dict[UUID, str], groups: dict[str, str]) -> str:
    """Say for whom and for which group a seat stands."""
    whose = seat.rightful_id or seat.for_person_id
    group = seat.group.rpartition(":")[2].strip("*")
    words = [f"for {name_in(names, whose)}" if whose else "", groups.get(group, group)]
    return ", ".join(word for word in words if word)


def timeline(told: Sequence[TimelineEntry], executions: Iterable[Execution]) -> list[Happening]:
    """Return what happened, oldest first, as the page words it."""
    results = {execution.revision: execution for execution in executions}
    return [_happening(entry, results) for entry in told]


def _happening(entry: TimelineEntry, results: dict[int, Execution]) -> Happening:
    plain = (entry.action.replace("_", " ").capitalize(), "neutral", "dot")
    what, tone, icon = EVENTS.get(entry.action, plain)
    note = visible(mask_text(entry.reason)) or _in_other_words(entry)
    execution = results.get(entry.facts.get("revision", 0))
    if execution is not None and entry.action in ("fail_clean", "lose"):
        note = execution.error
    elif execution is not None and entry.action == "claim":
        note = f"Attempt {entry.facts.get('attempt', execution.attempt)}"
    return Happening(entry.at, what, tone, icon, _by_whom(entry), note)


def _in_other_words(entry: TimelineEntry) -> str:
    facts = entry.facts
    if entry.action == "supersede":
        return f"By {facts['superseded_by']}" if facts.get("superseded_by") else ""
    if entry.action == "propose" and facts.get("supersedes"):
        return f"Takes the place of {', '.join(facts['supersedes'])}"
    if entry.action in ("edit", "resubmit"):
        fields = ", ".join(str(name).replace("_", " ") for name in facts.get("fields") or ())
        return f"Changed: {fields}" if fields else ""
    return ""


def _by_whom(entry: TimelineEntry) -> str:
    """Say who did it; what nobody did by hand needs no name."""
    kinds = {"agent": "by the agent", "rule": f"by {rule_in_words(entry.actor)}", "api_key": "by an API key"}
    if entry.person_id is None:
        return kinds.get(entry.actor_kind, "")
    is_known = entry.actor != entry.actor_kind
    way = ", through the link in a mail" if entry.channel == CHANNEL else ""
    return f"by {entry.actor if is_known else 'somebody who left'}{way}"


def banner(approval: Approval, names: dict[UUID, str]) -> dict[str, str] | None:
    """Return the banner of a decided approval: what became of it, by whom and when."""
    state = State(approval.state)
    if state not in BANNERS:
        return None
    _, tone, icon = STATES[state]
    name = "" if approval.decided_role == "system" else rule_in_words(approval.decided_name)
    who = name_in(names, approval.decided_by_id, otherwise=name)
    moment = approval.decided_at or approval.resolved_at
    word = (approval.decided_as or approval.state).replace("_", " ").capitalize()
    note = f"{word} by {who}" if moment and who else ""
    title = "Approved, and on hold" if state == State.APPROVED and approval.holds else BANNERS[state]
    return {"title": title, "tone": tone, "icon": icon, "note": note, "when": exact(moment)}


def review_words(approval: Approval) -> str:
    """Say how far the review of an override is, and what it found, masked; empty where nobody overrode."""
    if "override" not in approval.compliance_flags:
        return ""
    review = OverrideReview.objects.filter(approval=approval).order_by("-revision").first()
    if review is None or review.closed_at is None:
        return "A review is open: somebody who had no part in it closes it."
    who = name_in(names_of([review.closed_by_id]), review.closed_by_id)
    return f"Reviewed by {who}, {exact(review.closed_at)}: {visible(mask_text(review.finding))}"


def why_no_vote(approval: Approval, viewer: Actor) -> str:
    """Return why the viewer cannot sign or reject now; empty when he can."""
    if approval.state == State.INFO_REQUESTED:
        return "A question to the requester is open. It can be signed once he has answered."
    if approval.state not in WAITING:
        return f"This is {STATES[approval.state][0].lower()}: there is nothing left to sign."
    if viewer.user_id in approval.excluded:
        return FOUR_EYES
    seats = Seat.objects.filter(approval=approval, revision=approval.revision, level=approval.level, closed_at=None)
    if not seats.filter(person=viewer.user_id).exists():
        if viewer.user_id in approvers_before(DecisionContext.load(approval, clock_now())):
            return "You signed an earlier step, and no one signs this twice."
        return "You have no seat at this step. The people listed under “Who may sign” have."
    if approval.current_level.get("min_auth") == "mfa" and not viewer.has_second_factor:
        return "This step asks for a second factor. Set one up (the shield) and sign in again with it."
    return ""


def why_not_in_state(approval: Approval, event: Event) -> str:
    """Return why an event cannot happen in the approval's state; empty when it can."""
    if may(event, State(approval.state)):
        return ""
    return f"This cannot be done while it is {STATES[approval.state][0].lower()}."


def may_cancel(approval: Approval, viewer: Actor) -> bool:
    """Tell whether it is the viewer's own request, or he is an administrator."""
    return viewer.user_id == approval.requester_id or viewer.role in ADMINS
