"""The door of decision links: looking changes nothing, a filled-in form decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.secret_pages import csrf_checked, private, refuse_guessing, visitor_of
from accounts.selectors import tenant_zone
from accounts.services import client_address
from console.names import names_of
from core.errors import Invalid, WalkerError
from core.observability.metrics import counter
from core.privacy.pii import mask_text
from core.privacy.visible_text import visible
from core.tenancy.scope import tenant_scope
from hitl.approvals.conflicts import ENDS, by_whom
from hitl.decision_links import rate_limit, rules
from hitl.decision_links.links import decide_by_link
from hitl.decision_links.rules import Opened
from hitl.display import STATES, requester_words, risk_chip
from hitl.domain.state_machine import State
from hitl.models import Approval

PAGE: Final = "console/link.html"
OUTCOMES = counter("walker_decision_links_total", "Decision links opened, by what came of it.", ["outcome"])
ASKS_SIGN_IN: Final = "Sign in to decide this"
SWITCHED_OFF: Final = "Links like this one are switched off"
SIGN_IN: Final = {
    "off": (
        SWITCHED_OFF,
        "This installation lets none decide any more. The request still waits: decide it in the console.",
    ),
    "off_here": (
        SWITCHED_OFF,
        "Your organisation lets none decide any more. The request still waits: decide it in the console.",
    ),
    "risk": (ASKS_SIGN_IN, "Its risk is too high to decide it by a link."),
    "strength": (ASKS_SIGN_IN, "This step asks for a second factor."),
    "twice": (ASKS_SIGN_IN, "One signature was given by a link already. The next one is given after signing in."),
    "mail": (ASKS_SIGN_IN, "One of those who sign may read mails about it as they leave."),
}
# What is told instead of the service's own sentence, by the error's code; with the page's status.
TOLD: Final = {
    "no_membership": (410, "This link no longer counts", "You have no seat in this organisation any more."),
    "not_allowed": (410, "This link no longer counts", "Your role signs no requests any more."),
    "other_person": (403, "This link is for somebody else", "You are signed in as another person than it was sent to."),
    "no_seat": (410, "You are not asked any more", "The seat was passed on, or somebody else is asked now."),
    "four_eyes": (410, "You are not asked any more", "You have a hand in this request: somebody else decides it."),
    "stale_digest": (409, "This request has changed", "It is not what your mail told you about. Nothing was decided."),
    "voted": (409, "You have decided already", "Your answer is recorded. In the console you can change your mind."),
    "replaced": (
        410,
        "This link no longer counts",
        "It was used, a newer mail brought a newer link, or links were switched off meanwhile.",
    ),
    "link_expired": (410, "This link has expired", "Links end after some days. The request still waits."),
    "expired": (410, "This request has expired", "Nobody decided it in time."),
    "other_verdict": (403, "This link does not say that", "Use the other link of your mail, or the console."),
}
MOVES: Final = {
    "approve": "approved",
    "reject": "rejected",
    "ask": "a question asked",
    "send_back": "sent back",
    "edit": "changed",
    "resubmit": "sent in again",
    **ENDS,
}
TIRED: Final = "There were too many wrong answers. Wait ten minutes, or sign in. Nothing was decided."
UNDECIDED: Final = "Nothing was decided. Look at what is marked below."
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
    State.PENDING: "Your signature is recorded. It waits for the next one.",
    State.APPROVED: "It is carried out now.",
    State.REJECTED: "The requester is told why.",
}
ON_HOLD: Final = "It is on hold, and not carried out before it is released."


@csrf_exempt  # for the check of all pages; this one has the check above
@never_cache
@private
@csrf_checked
@require_http_methods(["GET", "HEAD", "POST"])
def decision_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a link decides (GET), or decide it (POST)."""
    found = rules.find_link(token)
    if found is None:
        return _unknown(request)
    with tenant_scope(found.tenant_id), timezone.override(tenant_zone()):
        opened = rules.open_link(found.token_id, **_visit(request))
        if request.method == "POST":
            return _decide(request, token, opened)
        return _show(request, opened)


def _visit(request: HttpRequest) -> dict[str, Any]:
    return {
        "address": client_address(request),
        "user_agent": str(request.META.get("HTTP_USER_AGENT", "")),
        "visitor": visitor_of(request),
    }


def _unknown(request: HttpRequest) -> HttpResponse:
    """Answer a link that is none; one that is one is never refused for what others try at this address."""
    OUTCOMES.labels("unknown").inc()
    return refuse_guessing(request, "link") or render(request, "404.html", status=404)


def _show(request: HttpRequest, opened: Opened) -> HttpResponse:
    if opened.problem is not None:
        return _told(request, opened, opened.problem)
    OUTCOMES.labels("shown").inc()
    return _form(request, opened)


def _decide(request: HttpRequest, token: str, opened: Opened) -> HttpResponse:
    visit = _visit(request)
    if opened.problem is not None:
        return _told(request, opened, opened.problem, refuses=True)
    if rate_limit.is_tired(token, visit["address"]):
        return _form(request, opened, said=TIRED, status=429)
    given: dict[str, Any] = {name: request.POST.get(name, "")[:2000] for name in ("verdict", "typed", "reason")}
    try:
        decided = decide_by_link(token_id=opened.token.pk, **given, **visit)
    except Invalid as problem:
        OUTCOMES.labels("wrong").inc()
        rate_limit.note_wrong(token, visit["address"])
        return _form(request, opened, problem.facts["fields"], said=UNDECIDED, status=400)
    except WalkerError as problem:
        return _told(request, rules.open_link(opened.token.pk, **visit), problem, refuses=True)
    OUTCOMES.labels("decided").inc()
    verdict = given["verdict"]
    heading, sign = THANKS_TO[verdict]
    is_held = decided.state == State.APPROVED and bool(decided.holds)
    words = ON_HOLD if is_held else THANKS.get(State(decided.state), "")
    context = {"heading": heading.format(opened.approval.reference), "words": words}
    return _outcome(request, opened.approval, sign, context | {"is_done": True})


def _outcome(
    request: HttpRequest, approval: Approval | None, sign: tuple[str, str], context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Show one card with its tone and icon; what it is about only where an approval is given."""
    known = {} if approval is None else {"headline": _headline(approval), "console_url": _console(approval)}
    shown = {"approval": approval, "tone": sign[0], "icon_name": sign[1], **known, **context}
    return render(request, PAGE, shown, status=status)


def _form(
    request: HttpRequest,
    opened: Opened,
    faults: Mapping[str, Sequence[str]] | None = None,
    *,
    said: str = "",
    status: int = 200,
) -> HttpResponse:
    """Show the form; after a mistake with what was said and chosen, never with the number."""
    approval = opened.approval
    context = {
        **_about(approval),
        "asks": True,
        "said": said,
        "faults": faults or {},
        "chosen": request.POST.get("verdict", ""),
        "reason": visible(request.POST.get("reason", "")[:2000]),
        "verdicts": ["approve", "reject"] if opened.token.verdict == rules.EITHER else [opened.token.verdict],
        "ends_at": min(opened.token.expires_at, approval.expires_at),
    }
    return render(request, PAGE, context, status=status)


def _about(approval: Approval) -> dict[str, Any]:
    """Return what would happen, masked: the page is opened without signing in."""
    preview = approval.preview
    names = names_of([approval.requester_id])
    rows = [
        {name: _masked(line.get(name, "")) for name in ("label", "before", "after")} for line in preview.get("rows", [])
    ]
    return {
        "approval": approval,
        "heading": _headline(approval),
        "summary": _masked(approval.summary),
        "rows": rows,
        "body": _masked(preview.get("body") or ""),
        "risk_chip": risk_chip(approval),
        "requester": requester_words(approval, names),
        "console_url": _console(approval),
    }


def _headline(approval: Approval) -> str:
    return _masked(approval.preview.get("headline") or approval.summary)


def _masked(text: object) -> str:
    return visible(mask_text(str(text)))


def _console(approval: Approval) -> str:
    return reverse("admin:hitl_approval_change", args=[approval.pk])


def _told(request: HttpRequest, opened: Opened, problem: WalkerError, *, refuses: bool = False) -> HttpResponse:
    """Say why a link decides nothing; about the request only to who may know."""
    OUTCOMES.labels("refused").inc()
    approval = opened.approval if opened.may_know else None
    context: dict[str, Any] = {"is_refused": refuses}
    if problem.code in ("sign_in", "weak_sign_in"):
        heading, words = SIGN_IN[problem.facts.get("why", "strength")]
        context |= {"heading": heading, "words": words, "signs_in": True}
        return _outcome(request, approval, LOCKED, context, 403 if refuses else 200)
    status, heading, words = TOLD.get(problem.code, (problem.status, "Nothing was decided", problem.detail))
    if problem.code == "conflict" and approval is not None:
        heading, words = _over(approval), ""
    facts = problem.facts if approval is not None and problem.code in ("conflict", "stale_digest") else {}
    context |= {"heading": heading, "words": words, "winner": _winner(facts)}
    return _outcome(request, approval, SIGNS.get(problem.code, OVER), context, status)


def _over(approval: Approval) -> str:
    if approval.state == State.INFO_REQUESTED:
        return f"A question about {approval.reference} is open"
    return f"{approval.reference} is not waiting any more: {STATES[approval.state][0].lower()}"


def _winner(facts: dict[str, Any]) -> dict[str, Any] | None:
    """Return who was faster, when and what, as the conflict names it."""
    if not facts.get("decided_by"):
        return None
    word = str(facts["decided_as"] or facts["state"])
    what = MOVES.get(word, word.replace("_", " "))
    return {"by": by_whom(facts), "at": datetime.fromisoformat(facts["decided_at"]), "what": what}
