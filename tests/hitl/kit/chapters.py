"""Beginnings from which the stateful test goes on: each leads somewhere that chance alone comes to seldom.

A chapter is a workflow, a kind, and steps; a step is a rule of the machine with what it is told. The
chapters together make every move of the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from tests.database import tampering

FREE: Final = "free"
"""Begin without a chapter."""

Step = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Chapter:
    """What happens at the beginning of an example."""

    shape: str
    kind: str
    steps: tuple[Step, ...]
    who: str = "support"


def _chapter(shape: str, *steps: Step | Iterable[Step], kind: str = "proof_keyed", who: str = "support") -> Chapter:
    flat: list[Step] = []
    for step in steps:
        if isinstance(step, tuple) and isinstance(step[0], str):
            flat.append(step)  # type: ignore[arg-type]
        else:
            flat += step  # type: ignore[arg-type]
    return Chapter(shape, kind, tuple(flat), who)


def _say(verb: str, number: int = 0) -> Step:
    return verb, {"number": number, "name": "first", "able": True}


def _in_console(number: int = 0) -> Step:
    return "vote_with_an_assignment", {"number": number, "place": 0, "verdict": "approve", "channel": "console"}


def _edit_and_approve(amount: str) -> Step:
    options = {"number": 0, "name": "first", "amount": amount, "stale": False, "able": True, "channel": "console"}
    return "edit_and_approve", options


def _batch(verdict: str, *picks: int, name: str = "first") -> Step:
    options = {"verdict": verdict, "picks": list(picks), "stale": False, "is_mixed": False, "channel": "console"}
    return "open_batch", {"name": name, "able": False, **options}


def _vote(name: str, verdict: str, number: int = 0) -> Step:
    return "vote_of_anybody", {"number": number, "name": name, "verdict": verdict, "stale": False}


def _mail(name: str) -> Step:
    return "mail_a_link", {"number": 0, "name": name, "able": False}


def _press(verdict: str = "approve", *, right: bool = True) -> Step:
    return "press_a_link", {"which": 0, "verdict": verdict, "right": right}


def _pass(name: str, to: str, *, by_admin: bool, number: int = 0) -> Step:
    return "pass_assignment", {"number": number, "name": name, "to": to, "by_admin": by_admin, "able": False}


def _execute(place: str = "nowhere", answer: str = "done") -> Step:
    return "execute", {"number": 0, "place": place, "answer": answer}


def _ask_for(button: str, kind: str = "proof_keyed") -> Step:
    options = {"who": "support", "kind": kind, "button": button, "amount": "7.00", "dedupe": ""}
    return "propose", options


def _leaves(name: str) -> Step:
    return "join_or_leave", {"name": name}


def _wait(**span: float) -> Step:
    return "tick", {"tick": timedelta(**span)}


def _gone(place: str) -> list[Step]:
    """A worker dies at the place, and the next one comes when its lease is over."""
    return [SIGNED, _execute(place), HELD[0], HELD[1], _wait(minutes=10), _execute()]


SIGNED: Final[Step] = ("everybody_signs", {"number": 0})
SWEEP: Final[Step] = ("sweep", {"kinds": "all"})
HELD: Final = (_say("hold_or_release"), _say("hold_or_release"))
PRICE: Final[Step] = ("change_the_world", {"what": "price"})
PROBED: Final[Step] = ("settle", {"number": 0, "lucky": True})
SETTLED: Final[Step] = ("settle", {"number": 0, "lucky": False})
SWITCH: Final[Step] = ("switch", {"scope": ("kind", "proof_keyed")})
EDIT: Final[Step] = ("edit", {"number": 0, "name": "first", "amount": "7.00", "stale": False, "able": True})
WORK: Final[Step] = ("work_batch", {"which": 0, "dies": False})
WORKER_DIES: Final[Step] = ("work_batch", {"which": 0, "dies": True})
UNDO_BATCH: Final[Step] = ("undo_batch", {"which": 0, "name": "first", "own": True})
TAMPERED: Final[Step] = ("tamper_with_payload", {"number": 0})
LATE: Final = (_wait(hours=80), SWEEP)

PEOPLE: Final = {
    "a question is answered": _chapter("quorum", HELD, _say("ask"), HELD, _wait(hours=3), SWEEP, _say("answer")),
    "the requester is gone": _chapter("quorum", _say("ask"), map(_leaves, ("first", "second", "admin")), SWEEP, SWEEP),
    "questions nobody answers": _chapter("quorum", _say("ask"), _ask_for("red"), _say("ask"), LATE),
    "a question is withdrawn": _chapter("any", _say("ask"), _say("cancel"), _say("cancel")),
    "sent back and in again": _chapter("any", _say("send_back"), HELD, _say("resubmit"), HELD),
    "sent back for good": _chapter("any", _say("send_back"), _ask_for("red"), _say("send_back"), LATE),
    "sent back too often": _chapter(
        "any", [_say("send_back"), _say("resubmit")] * 3, _say("send_back"), _say("send_back"), _say("cancel")
    ),
    "two against it": _chapter("everyone", _vote("first", "reject"), _vote("second", "reject"), SIGNED),
    "edited and revoked": _chapter("any", EDIT, SIGNED, HELD, _say("revoke")),
    "signed and withdrawn": _chapter("any", SIGNED, _say("cancel")),
    "assignments are passed on": _chapter(
        "everyone",
        [_pass("first", "admin", by_admin=False), _pass("second", "owner", by_admin=True)],
        [_say("ask", 1), _pass("first", "admin", by_admin=False, number=1)],
        _pass("second", "owner", by_admin=True, number=1),
    ),
    "one is requested again": _chapter("any", _ask_for("red"), LATE),
    "each signs once": _chapter(
        "once",
        _vote("first", "approve"),
        _pass("second", "first", by_admin=True),
        _vote("second", "approve"),
        _vote("first", "approve"),
        _wait(hours=3),
        SWEEP,
        SIGNED,
        _execute(),
    ),
    "undone in time": _chapter("any", _in_console(), _execute(), _wait(seconds=5), _execute(), _say("undo")),
    "undone too late": _chapter("any", _in_console(), _wait(seconds=45), _execute(), _say("undo")),
    "edited and approved in one step": _chapter("trusted", _edit_and_approve("4.00"), _execute(), _say("undo")),
    "edited, and too much to approve": _chapter("trusted", _edit_and_approve("7.00"), SIGNED, _execute()),
    "a batch is undone": _chapter("any", _batch("approve", 0, 1), WORK, UNDO_BATCH, UNDO_BATCH),
    "a batch is overtaken": _chapter(
        "any",
        [_ask_for("green"), _batch("approve", 0, 1, 2), _vote("admin", "reject"), WORK, _vote("first", "approve", 2)],
        [WORK, _wait(seconds=45), SWEEP, UNDO_BATCH],
    ),
    "a batch without a worker": _chapter("any", _batch("reject", 0, 1), WORKER_DIES, WORK, _wait(hours=3), WORK),
    "a batch goes on with another": _chapter(
        "quorum",
        _batch("approve", 0, 1),
        WORKER_DIES,
        _wait(seconds=45),
        WORK,
        _batch("reject", 0, name="second"),
        WORK,
    ),
    "a batch is not the newer approval": _chapter(
        "any",
        [_batch("approve", 0), WORK, _wait(seconds=45), PRICE, _execute(), _in_console()],
        UNDO_BATCH,
    ),
    "the glass is broken": _chapter("any", _say("override"), _execute(), who="agent"),
    "decided by links": _chapter(
        "quorum", [_mail("first"), _press(right=False), _press(), _press()], [_mail("second"), _press()], _execute()
    ),
}
MACHINES: Final = {
    "the price moved": _chapter("any", SIGNED, PRICE, _execute()),
    "nobody carries it out": _chapter("two levels", SIGNED, _wait(hours=200), SWEEP),
    "too busy, then refused": _chapter("any", SIGNED, _execute(answer="busy"), _execute(answer="refused")),
    "gone before the claim": _chapter("any", _gone("before claim commit")),
    "gone after the claim": _chapter("any", _gone("after claim"), ("lost_worker_wakes_up", {"number": 0})),
    "gone before the outcome": _chapter("any", _gone("before outcome commit"), kind="proof_unscored"),
    "gone, and asked for: done": _chapter("any", _gone("after effect"), HELD, PROBED, kind="proof_probed"),
    "gone, and asked for: not done": _chapter("any", _gone("after claim"), PROBED, kind="proof_probed"),
    "gone, and settled: done": _chapter("any", _gone("after effect"), SETTLED, kind="proof_plain"),
    "gone, and settled: not done": _chapter("any", _gone("after claim"), SETTLED, kind="proof_plain"),
    "a switch is activated": _chapter("any", SIGNED, SWITCH, _execute(), SWITCH, _execute()),
    "the payload is changed": _chapter("any", SIGNED, TAMPERED, _execute()),
    "the past is changed": _chapter(
        "quorum",
        SIGNED,
        [
            ("tamper_and_verify", {"what": what, "number": at})
            for at, what in enumerate(("state", "vote", "owner's vote", *tampering.KINDS))
        ],
    ),
}
CHAPTERS: Final = {**PEOPLE, **MACHINES}
