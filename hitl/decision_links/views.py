"""The page of an approve-by-email link: opening it changes nothing, submitting the form decides."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from redis import RedisError

from accounts.secret_pages import refuse_guessing, secret_form, visitor_of
from accounts.selectors import tenant_zone
from accounts.services import client_address
from console.names import names_of
from core.actors import Actor
from core.errors import Invalid, WalkerError
from core.observability.logging import get_logger
from core.observability.metrics import counter
from core.privacy.visible_text import visible
from core.reliability.rate_limit import count_or_let_pass
from core.tenancy.scope import tenant_scope
from hitl.approvals.decide.rights import note_refused_move
from hitl.approvals.state.conflicts import ENDS, by_whom
from hitl.decision_links import rules
from hitl.decision_links.links import decide_by_link
from hitl.decision_links.rules import OpenedLink, Visit
from hitl.display import STATES, requester_words, risk_chip
from hitl.domain.state_machine import State
from hitl.models import Approval

log = get_logger(__name__)
PAGE: Final = "console/link.html"
WRONG_PER_WINDOW: Final = 10
WINDOW: Final = 600
"""Wrong entries on a link from one address, and in how many seconds, counted in Redis; unlimited while it is down."""
OUTCOMES = counter("walker_decision_links_total", "Decision links opened, by outcome.", ["outcome"])
ASKS_SIGN_IN: Final = "Sign in to decide this"
SWITCHED_OFF: Final = "Email approvals are disabled"
SIGN_IN: Final = {
    "off": (
        SWITCHED_OFF,
        "Email approvals are disabled for this installation. The request is still open: decide it in the console.",
    ),
    "off_here": (
        SWITCHED_OFF,
        "Email approvals are disabled for your organisation. The request is still open: decide it in the console.",
    ),
    "risk": (ASKS_SIGN_IN, "This request is too risky to approve by email. Sign in to decide."),
    "strength": (ASKS_SIGN_IN, "This step requires a stronger sign-in. Sign in to decide."),
    "twice": (ASKS_SIGN_IN, "Someone already decided by email. The next decision requires signing in."),
    "mail": (ASKS_SIGN_IN, "An approver of this request can read outgoing mail, so it can't be decided by email."),
}
# Status, heading and text by the code of an error; without a text, and for other codes, its own sentence is shown.
REASONS: Final = {
    "no_membership": (410, "This link is no longer valid", "You're no longer a member of this organisation."),
    "not_allowed": (410, "This link is no longer valid", "Your role can no longer approve requests."),
    "other_person": (
        403,
        "This link is for someone else",
        "You're signed in as someone else. Sign out, or ask for a link of your own.",
    ),
    "not_an_approver": (410, "You're no longer an approver", ""),
    "approved_earlier_step": (410, "You're no longer an approver", ""),
    "four_eyes": (410, "You're no longer an approver", ""),
    "stale_digest": (
        409,
        "This request has changed",
        "It's different from what your mail described. Nothing was decided. Sign in to read it again.",
    ),
    "voted": (409, "You've already decided", "Your decision is recorded. You can change it in the console."),
    "replaced": (410, "This link is no longer valid", ""),
    "not_genuine": (410, "This link is not valid", "Nothing was decided. Sign in to decide."),
    "link_expired": (
        410,
        "This link has expired",
        "Links expire after a few days. The request is still open: sign in to decide.",
    ),
    "expired": (410, "This request has already expired", "Nobody decided it in time."),
    "other_verdict": (403, "This link can't do that", "Use the other link in your mail, or sign in to decide."),
}
MOVES: Final = {
    "approve": "approved",
    "reject": "rejected",
    "ask": "a question asked",
    "send_back": "sent back",
    "edit": "changed",
    "resubmit": "resubmitted",
    **ENDS,
}
TOO_MANY_TRIES: Final = "Nothing was decided: too many wrong entries. Wait ten minutes or sign in."
UNDECIDED: Final = "Nothing was decided. Check the marked fields."
# Tone and icon of an outcome.
OVER: Final = ("neutral", "info")
LOCKED: Final = ("info", "key")
SIGNS: Final = {"conflict": ("info", "flag"), "voted": ("info", "flag"), "stale_digest": ("warn", "alert"),
                "link_expired": ("warn", "clock"), "expired": ("warn", "clock")}  # fmt: skip
THANKS_TO: Final = {
    "approve": ("You have approved {}", ("good", "check-circle")),
    "reject": ("You have rejected {}", ("neutral", "x-circle")),
}
THANKS: Final = {
    State.PENDING: "Your approval is recorded. More approvals are needed.",
    State.APPROVED: "It's being executed now.",
    State.REJECTED: "The requester can read your reason.",
}
ON_HOLD: Final = "It's on hold and won't be executed until it's released."


@secret_form
def decision_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a link decides (GET), or decide it (POST)."""
    found = rules.find_link(token)
    if found is None:
        # Guessing limits the response to unknown links only, never a valid link.
        OUTCOMES.labels("unknown").inc()
        return refuse_guessing(request, "link") or render(request, "404.html", status=404)
    with tenant_scope(found.tenant_id), timezone.override(tenant_zone()):
        opened = rules.open_link(found.token_id, _visit(request))
        if request.method == "POST":
            return _decide(request, token, opened)
        if opened.problem is not None:
            return _explain(request, opened, opened.problem)
        OUTCOMES.labels("shown").inc()
        return _form(request, opened)


def _visit(request: HttpRequest) -> Visit:
    return Visit(client_address(request), str(request.META.get("HTTP_USER_AGENT", "")), visitor_of(request))


def _decide(request: HttpRequest, token: str, opened: OpenedLink) -> HttpResponse:
    visit = _visit(request)
    if opened.problem is not None:
        _note(opened, opened.problem, visit)
        return _explain(request, opened, opened.problem, refuses=True)
    if _is_rate_limited(token, visit.address):
        return _form(request, opened, said=TOO_MANY_TRIES, status=429)
    given: dict[str, Any] = {name: request.POST.get(name, "")[:2000] for name in ("verdict", "typed", "reason")}
    try:
        decided = decide_by_link(token_id=opened.token.pk, visit=visit, **given)
    except Invalid as problem:
        OUTCOMES.labels("wrong").inc()
        count_or_let_pass(_wrong_name(token, visit.address), seconds=WINDOW)
        return _form(request, opened, problem.facts["fields"], said=UNDECIDED, status=400)
    except WalkerError as problem:
        _note(opened, problem, visit)
        return _explain(request, rules.open_link(opened.token.pk, visit), problem, refuses=True)
    OUTCOMES.labels("decided").inc()
    verdict = given["verdict"]
    heading, sign = THANKS_TO[verdict]
    is_held = decided.state == State.APPROVED and bool(decided.holds)
    words = ON_HOLD if is_held else THANKS.get(State(decided.state), "")
    context = {"heading": heading.format(opened.approval.reference), "words": words}
    return _outcome(request, opened.approval, sign, context | {"is_done": True})


def _note(opened: OpenedLink, problem: WalkerError, visit: Visit) -> None:
    """Note a refused decision in the audit log, under the person of the link or the one who is signed in."""
    person, visitor = opened.token.person_id, visit.visitor
    if visitor is not None and visitor != person:
        # Of a stranger to this organisation only the link they used is recorded.
        known = visitor in names_of([visitor])
        actor = Actor(kind="user", id=visitor, user_id=visitor) if known else Actor(kind="contact", id=opened.token.pk)
    else:
        actor = opened.viewer or Actor(kind="user", id=person, user_id=person)
    actor = replace(actor, address=visit.address, auth_strength=rules.STRENGTH)
    move = "decide" if opened.token.verdict == rules.EITHER else opened.token.verdict
    note_refused_move(problem, actor=actor, approval_id=opened.approval.pk, move=move, channel=opened.token.channel)


def _outcome(
    request: HttpRequest, approval: Approval | None, sign: tuple[str, str], context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Show the result as one card; the request only if an approval is given."""
    known = {} if approval is None else {"headline": _headline(approval), "console_url": _console(approval)}
    shown = {"approval": approval, "tone": sign[0], "icon_name": sign[1], **known, **context}
    return render(request, PAGE, shown, status=status)


def _form(
    request: HttpRequest,
    opened: OpenedLink,
    faults: Mapping[str, Sequence[str]] | None = None,
    *,
    said: str = "",
    status: int = 200,
) -> HttpResponse:
    """Show the form; after an error with what was entered, except the number."""
    approval = opened.approval
    preview = approval.preview
    names = names_of([approval.requester_id])
    # Masked: the page is opened without signing in.
    shown = ("label", "before", "after")
    rows = [{name: _masked(approval, line.get(name, "")) for name in shown} for line in preview.get("rows", [])]
    context = {
        "approval": approval,
        "heading": _headline(approval),
        "summary": _masked(approval, approval.summary),
        "rows": rows,
        "body": _masked(approval, preview.get("body") or ""),
        "risk_chip": risk_chip(approval),
        "requester": requester_words(approval, names),
        "console_url": _console(approval),
        "asks": True,
        "said": said,
        "faults": faults or {},
        "chosen": request.POST.get("verdict", ""),
        "reason": visible(request.POST.get("reason", "")[:2000]),
        "verdicts": ["approve", "reject"] if opened.token.verdict == rules.EITHER else [opened.token.verdict],
        "ends_at": min(opened.token.expires_at, approval.expires_at),
    }
    return render(request, PAGE, context, status=status)


def _headline(approval: Approval) -> str:
    return _masked(approval, approval.preview.get("headline") or approval.summary)


def _masked(approval: Approval, text: object) -> str:
    return visible(approval.masked(str(text)))


def _console(approval: Approval) -> str:
    return reverse("admin:hitl_approval_change", args=[approval.pk])


def _explain(request: HttpRequest, opened: OpenedLink, problem: WalkerError, *, refuses: bool = False) -> HttpResponse:
    """Show why a link decides nothing; the request only to people who may see it."""
    OUTCOMES.labels("refused").inc()
    approval = opened.approval if opened.may_know else None
    context: dict[str, Any] = {"is_refused": refuses}
    if problem.code in ("sign_in", "weak_sign_in"):
        heading, words = SIGN_IN[problem.facts.get("why", "strength")]
        context |= {"heading": heading, "words": words, "signs_in": True}
        return _outcome(request, approval, LOCKED, context, 403 if refuses else 200)
    status, heading, words = REASONS.get(problem.code, (problem.status, "Nothing was decided", ""))
    words = words or problem.detail
    if problem.code == "conflict" and approval is not None:
        is_asked = approval.state == State.INFO_REQUESTED
        over = "has an open question" if is_asked else f"is no longer waiting: {STATES[approval.state][0].lower()}"
        heading, words = f"{approval.reference} {over}", ""
    facts = problem.facts if approval is not None and problem.code in ("conflict", "stale_digest") else {}
    context |= {"heading": heading, "words": words, "winner": _winner(facts)}
    return _outcome(request, approval, SIGNS.get(problem.code, OVER), context, status)


def _winner(facts: dict[str, Any]) -> dict[str, Any] | None:
    """Return who was faster, when and how, from the facts of a conflict."""
    if not facts.get("decided_by"):
        return None
    word = str(facts["decided_as"] or facts["state"])
    what = MOVES.get(word, word.replace("_", " "))
    return {"by": by_whom(facts), "at": datetime.fromisoformat(facts["decided_at"]), "what": what}


def _is_rate_limited(token: str, address: str) -> bool:
    """Return True after too many wrong entries on a link from one address in ten minutes.

    Counted by link and address, so that a scanner elsewhere doesn't lock out the person.
    """
    try:
        return int(cache.get(_wrong_name(token, address)) or 0) >= WRONG_PER_WINDOW
    except RedisError:
        log.warning("link_limit_not_checked")
        return False


def _wrong_name(token: str, address: str) -> str:
    return f"link-wrong:{salted_hmac('walker.links', f'{token} {address}').hexdigest()}"
