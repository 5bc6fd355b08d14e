"""The table of transitions with its doors as data: who may, by which page and address, and what is left behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hitl.domain.state_machine import BY_EVENT, Event, State

REASON: Final = {"reason": "Fits the plan."}
LONG: Final = {"reason": "x" * 2001}
PARAMS: Final = {"button": "blue", "amount": "7.00"}


@dataclass(frozen=True)
class Door:
    """A move that people make: the page and the address for it, and what the test says at both."""

    event: Event
    service: str
    permission: str
    page: str
    button: str
    address: str
    errors: str
    role: str
    colleague: str
    after: State
    begin: str = "pending"
    verdict: str = ""
    said: Mapping[str, Any] = field(default_factory=lambda: REASON)
    form: Mapping[str, Any] = field(default_factory=dict)
    wrong: Mapping[str, Any] = field(default_factory=lambda: {"reason": ""})
    mistake: str = "reason"
    wrong_form: Mapping[str, Any] = field(default_factory=dict)
    form_mistake: str = ""
    needs_factor: bool = False

    @property
    def action(self) -> str:
        """Return the action of the audit entry."""
        return f"APPROVAL_{self.event.upper()}"

    def line(self) -> str:
        """Return the row of the reference page."""
        row = BY_EVENT[self.event]
        cells = [
            f"`{self.service}`", f"“{self.button}” `{self.page}`", f"`POST {self.address}`", f"`{self.permission}`",
            f"`{self.action}`", f"`{self.verdict}`" if self.verdict else "–", self.errors,
        ]  # fmt: skip
        return f"| {row.number} | `{self.event}` | {row.who} | {' | '.join(cells)} |"


@dataclass(frozen=True)
class Machine:
    """A move that no form makes: what makes it, and what people can do about it by hand."""

    event: Event
    made_by: str
    when: str
    by_hand: str

    def line(self) -> str:
        """Return the row of the reference page."""
        cells = f"`{self.made_by}` | {self.when} | `APPROVAL_{self.event.upper()}` | {self.by_hand}"
        return f"| {BY_EVENT[self.event].number} | `{self.event}` | {cells} |"


_PAGE: Final = "admin:hitl_approval_"
_ONE: Final = "approvals/{id}/"
_DECIDE, _PROPOSE = "hitl.decide_approval", "hitl.propose_approval"
_SIGNER: Final = (
    "409 `conflict` `expired` `stale_digest`, "
    "403 `four_eyes` `approved_earlier_step` `not_an_approver` `weak_sign_in` `not_a_person`"
)
_LATE: Final = "409 `conflict` `stale_digest`"
_NO_DIGEST: Final[dict[str, Any]] = {"wrong": {"digest": ""}, "mistake": "digest"}
_OTHER: Final = {"to": "{owner}", **REASON}
_NOBODY: Final = {"to": "00000000-0000-0000-0000-000000000001"}

DOORS: Final = (
    Door(
        Event.PROPOSE, "propose", _PROPOSE, f"{_PAGE}new", "New request", "approvals/",
        "400 `invalid`, 403 `paused`, 429 `open_cap`, 503 `observe_failed`", "support", "viewer", State.PENDING,
        begin="nothing",
        said={"kind": "test_press_keyed", "params": PARAMS},
        form={"kind": "test_press_keyed", "chosen": "test_press_keyed", "value_button": "red", "value_amount": "7.00"},
        wrong={"params": {"button": "blue"}}, mistake="amount",
        wrong_form={"value_amount": ""}, form_mistake="value_amount",
    ),
    Door(
        Event.APPROVE, "decide", _DECIDE, f"{_PAGE}approve", "Approve", f"{_ONE}approve/", _SIGNER,
        "approver", "support", State.APPROVED, verdict="approve", **_NO_DIGEST,
    ),
    Door(
        Event.REJECT, "decide", _DECIDE, f"{_PAGE}reject", "Reject", f"{_ONE}reject/", f"400 `invalid`, {_SIGNER}",
        "approver", "support", State.REJECTED, verdict="reject", **_NO_DIGEST,
    ),
    Door(
        Event.EDIT, "edit", _DECIDE, f"{_PAGE}edit", "Edit", f"{_ONE}edit/",
        f"400 `invalid`, {_SIGNER} `no_edit_right`, 503 `observe_failed`", "approver", "support", State.PENDING,
        verdict="edit", said={"changes": {"amount": "6.00"}, **REASON}, form={"value_amount": "6.00", **REASON},
        wrong={"changes": {"button": "green"}}, mistake="button",
        wrong_form={"value_amount": "many"}, form_mistake="value_amount",
    ),
    Door(
        Event.ASK, "ask", _DECIDE, f"{_PAGE}ask", "Ask the requester", f"{_ONE}ask/", f"400 `invalid`, {_SIGNER}",
        "approver", "support", State.INFO_REQUESTED, verdict="ask",
    ),
    Door(
        Event.ANSWER, "answer", _PROPOSE, f"{_PAGE}answer", "Answer the question", f"{_ONE}answer/",
        f"400 `invalid`, {_LATE} `expired`, 403 `not_yours`", "support", "viewer", State.PENDING,
        begin="asked", verdict="answer",
    ),
    Door(
        Event.SEND_BACK, "send_back", _DECIDE, f"{_PAGE}send_back", "Send back for changes", f"{_ONE}send-back/",
        f"400 `invalid`, {_SIGNER}", "approver", "support", State.RETURNED, verdict="send_back",
    ),
    Door(
        Event.RESUBMIT, "resubmit", _PROPOSE, f"{_PAGE}resubmit", "Resubmit", f"{_ONE}resubmit/",
        f"400 `invalid`, {_LATE} `expired`, 403 `not_yours` `paused`, 503 `observe_failed`",
        "support", "viewer", State.PENDING, begin="returned", verdict="resubmit",
        form={"value_button": "red", "value_amount": "6.00", **REASON},
        wrong={"params": {"button": "blue", "amount": "many"}}, mistake="amount",
        wrong_form={"value_amount": "many"}, form_mistake="value_amount",
    ),
    Door(
        Event.ESCALATE, "escalate_now", "hitl.reassign_approval", f"{_PAGE}escalate", "Escalate now",
        f"{_ONE}escalate/", f"400 `invalid`, {_LATE} `expired` `no_step`, 403 `four_eyes`",
        "admin", "approver", State.PENDING, verdict="escalate",
    ),
    Door(
        Event.DELEGATE, "delegate", _DECIDE, f"{_PAGE}delegate", "Delegate to a colleague", f"{_ONE}delegate/",
        f"400 `invalid`, {_LATE} `expired` `voted`, 403 `four_eyes` `approved_earlier_step` `not_an_approver`",
        "approver", "support", State.PENDING,
        verdict="delegate", said=_OTHER, wrong=_NOBODY, mistake="to",
    ),
    Door(
        Event.REASSIGN, "reassign", "hitl.reassign_approval", f"{_PAGE}reassign", "Change approver",
        f"{_ONE}reassign/", f"400 `invalid`, {_LATE} `expired` `voted`, 403 `four_eyes` `approved_earlier_step`",
        "admin", "approver", State.PENDING, verdict="reassign", said={"from_person": "{approver}", **_OTHER},
    ),
    Door(
        Event.CANCEL, "cancel", "hitl.cancel_approval", f"{_PAGE}cancel", "Cancel request", f"{_ONE}cancel/",
        f"{_LATE}, 403 `not_allowed`", "support", "viewer", State.CANCELLED, verdict="cancel",
        wrong=LONG, wrong_form={"reason": ""},
    ),
    Door(
        Event.REVOKE, "revoke", "hitl.revoke_approval", f"{_PAGE}revoke", "Revoke approval", f"{_ONE}revoke/",
        f"{_LATE}, 403 `not_allowed`", "approver", "support", State.CANCELLED, begin="approved", verdict="revoke",
        wrong=LONG, wrong_form={"reason": ""},
    ),
    Door(
        Event.PROBE, "probe_now", "hitl.resolve_approval", f"{_PAGE}probe", "Check outcome", f"{_ONE}probe/",
        _LATE, "admin", "approver", State.APPROVED, begin="unknown", verdict="probe", wrong=LONG,
    ),
    Door(
        Event.RESOLVE, "resolve", "hitl.resolve_approval", f"{_PAGE}resolve", "Record the outcome",
        f"{_ONE}resolve/", f"400 `invalid`, {_LATE}, 403 `four_eyes`", "admin", "approver", State.FAILED,
        begin="unknown", verdict="resolve", said={"outcome": "failed", "evidence": "The journal.", **REASON},
        wrong={"evidence": ""}, mistake="evidence",
    ),
    Door(
        Event.HOLD, "hold", "hitl.hold_approval", f"{_PAGE}hold", "Put on hold", f"{_ONE}hold/",
        f"400 `invalid`, {_LATE} `held`", "compliance", "approver", State.PENDING, verdict="hold",
    ),
    Door(
        Event.RELEASE, "release", "hitl.hold_approval", f"{_PAGE}release", "Release hold", f"{_ONE}release/",
        f"{_LATE} `still_held` `not_held`, 403 `four_eyes`", "compliance", "approver", State.PENDING, begin="held",
        verdict="release", wrong={"hold": "no such"}, mistake="hold", wrong_form=LONG, form_mistake="reason",
    ),
    Door(
        Event.OVERRIDE, "override", "hitl.override_approval", f"{_PAGE}override", "Approve in an emergency",
        f"{_ONE}override/",
        f"400 `invalid`, {_LATE} `expired`, 403 `no_break_glass` `weak_sign_in` `four_eyes` `not_a_person`",
        "owner", "admin", State.APPROVED, verdict="override", needs_factor=True,
    ),
)  # fmt: skip
BY_DOOR: Final = {door.event: door for door in DOORS}

_CLOCK: Final = "hitl.tasks.sweep_timers"
_EXECUTOR: Final = "hitl.tasks.execute_approval"
_RETRY: Final = "“Retry” `admin:core_deadletter_replay`, `POST dead-letters/{id}/replay/`"
_SETTLE: Final = "“Check outcome”, “Record the outcome”: rows 21 and 22"
MACHINES: Final = (
    Machine(Event.ESCALATE, _CLOCK, "the next escalation step is due", "“Escalate now”: row 9 above"),
    Machine(
        Event.REASSIGN,
        "hitl.tasks.align_rights",
        "an approver lost their right, or has it again",
        "“Change approver”: row 10 above",
    ),
    Machine(Event.EXPIRE, _CLOCK, "`expires_at` has come", "“Cancel request” before that: row 12"),
    Machine(
        Event.SUPERSEDE, "hitl.services.propose", "a newer request for the same thing", "“New request” about it: row 1"
    ),
    Machine(Event.CLAIM, _EXECUTOR, "approved, at once, and when the timer `execute` is due", _RETRY),
    Machine(Event.DRIFT, _EXECUTOR, "the claim finds other facts", "the approvers decide again: rows 2 and 3"),
    Machine(Event.LAPSE, _CLOCK, "`execute_by` has come", "“Revoke approval” before that: row 14"),
    Machine(Event.SUCCEED, _EXECUTOR, "the target reports success", "none: it is done"),
    Machine(Event.FAIL_CLEAN, _EXECUTOR, "the target proves that nothing happened", "“New request”: row 1"),
    Machine(Event.LOSE, _EXECUTOR, "the lease is over and the kind has no keys", _SETTLE),
    Machine(Event.RECLAIM, _EXECUTOR, "the lease is over and the kind has keys", _RETRY),
    Machine(Event.PROBE, "hitl.tasks.probe_approval", "unknown, repeatedly", "“Check outcome”: row 21 above"),
)
