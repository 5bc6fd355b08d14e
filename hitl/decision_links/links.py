"""Links in mails that decide once: made when the mail leaves, spent with the decision."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from core import retention
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Gone, Invalid, NotFound, Refused, WalkerError
from core.privacy.encryption import digest_of_secret
from hitl.approvals.checks import needed
from hitl.approvals.decide import Verdict, decide
from hitl.approvals.revisions import void_tokens
from hitl.decision_links import rules
from hitl.models import Approval, DecisionToken
from hitl.policy import link_policy
from hitl.selectors import reference_of

BYTES: Final = 32
KEPT_FOR: Final = timedelta(days=7)
"""How long a link that has ended says so; after that it is as unknown as any other."""
_SAYS: Final = {rules.EITHER: ("approve", "reject"), "approve": ("approve",), "reject": ("reject",)}


def make_link(
    *, actor: Actor, approval_id: UUID, person_id: UUID, verdict: str = rules.EITHER, now: datetime | None = None
) -> str:
    """Return the secret of a new link by which a person can decide a request as it is now; "" when he cannot.

    For the system, at the moment a mail leaves: only the digest is stored, and his older links to the
    request are void. No link for who has no open seat, who has voted, and where signing in is asked
    for. `verdict` narrows what it may say. Raises Refused, NotFound, Invalid. Announces nothing.
    """
    if actor.kind != "system":
        raise Refused("Links are made by the system only.")
    if verdict not in _SAYS:
        raise Invalid("A link says approve, reject or either.", fields={"verdict": ["unknown"]})
    moment = now or clock_now()
    with transaction.atomic():
        approval = locked(Approval, approval_id)
        secret = secrets.token_urlsafe(BYTES)
        token = DecisionToken(
            digest=digest_of_secret(secret),
            approval=approval,
            person_id=person_id,
            verdict=verdict,
            revision_digest=approval.digest,
            policy_version=link_policy.current().version,
            expires_at=min(approval.expires_at, moment + settings.DECISION_LINK_LIFE),
        )
        if not _would_count(token, approval, moment):
            return ""
        void_tokens(approval, moment, person_id=person_id)
        token.save(force_insert=True)
        facts = {"approval": str(approval.pk), "person": str(person_id), "revision": approval.revision}
        chain.record(
            actor=actor,
            action="DECISION_LINK_MADE",
            object_type="hitl.decisiontoken",
            object_id=token.pk,
            facts=facts,
        )
    return secret


def _would_count(token: DecisionToken, approval: Approval, moment: datetime) -> bool:
    try:
        rules.check(token, approval, rules.actor_of(token, address="", user_agent=""), moment)
    except WalkerError:
        return False
    return True


def decide_by_link(
    *,
    token_id: UUID,
    verdict: Verdict,
    typed: str,
    reason: str = "",
    address: str = "",
    user_agent: str = "",
    visitor: UUID | None = None,
    now: datetime | None = None,
) -> Approval:
    """Decide as the link's person, with his role of now, and spend the link in the same transaction.

    Who may: whoever holds the link, when its person could decide; `typed` is the request's number, which
    no program that presses links types, and a rejection needs a reason. `visitor` is who is signed in
    there. Whoever could have read the link may sign nothing of the request afterwards. In the tenant's
    scope. Raises NotFound, Gone, Invalid, what `decide` raises, and Refused (`sign_in`, `other_person`).
    Announces what `decide` announces.
    """
    moment = now or clock_now()
    with transaction.atomic():
        # When links have been switched off, none of the tenant decides any more that had begun before.
        link_policy.hold(shared=True)
        token = _found(token_id)
        # The request first, as everybody locks it who voids its links.
        approval = locked(Approval, token.approval_id)
        token.refresh_from_db(fields=["consumed_at"])
        actor = rules.actor_of(token, address=address, user_agent=user_agent, visitor=visitor)
        rules.check(token, approval, actor, moment, verdict=verdict if verdict in ("approve", "reject") else "")
        _check_form(token, approval, verdict, typed, reason)
        _spend(token, approval, moment)
        barred = rules.bar_keepers(approval)
        decided = decide(
            actor=actor,
            approval_id=approval.pk,
            verdict=verdict,
            digest=token.revision_digest,
            reason=reason,
            channel=rules.CHANNEL,
            now=moment,
        )
        _note_use(actor, token, approval, barred)
    return decided


def _note_use(actor: Actor, token: DecisionToken, approval: Approval, barred: list[UUID]) -> None:
    facts = {"approval": str(approval.pk), "revision": approval.revision, "barred": [str(one) for one in barred]}
    chain.record(
        actor=actor, action="DECISION_LINK_USED", object_type="hitl.decisiontoken", object_id=token.pk, facts=facts
    )


def _found(token_id: UUID) -> DecisionToken:
    token: DecisionToken | None = DecisionToken.objects.select_related("person").filter(pk=token_id).first()
    if token is None:
        raise NotFound
    return token


def _check_form(token: DecisionToken, approval: Approval, verdict: str, typed: str, reason: str) -> None:
    if verdict not in ("approve", "reject"):
        raise Invalid("Choose what you decide.", fields={"verdict": ["Choose what you decide."]})
    if verdict not in _SAYS.get(token.verdict, ()):
        raise Refused("This link does not say that.", code="other_verdict")
    if reference_of(typed) != approval.reference:
        say = "This is not the number of this request: it stands at the top of the page."
        raise Invalid("The number is not the one of this request.", fields={"typed": [say]})
    if verdict == "reject":
        needed("reason", reason, "Say why you reject it.")


def _spend(token: DecisionToken, approval: Approval, moment: datetime) -> None:
    live = DecisionToken.objects.filter(
        pk=token.pk, consumed_at=None, expires_at__gt=moment, revision_digest=approval.digest
    )
    if not live.update(consumed_at=moment):
        raise Gone("This link no longer counts.", code="replaced")
    void_tokens(approval, moment, person_id=token.person_id)


def purge_links(*, now: datetime | None = None, limit: int = retention.BATCH) -> int:
    """Remove links that ended more than a week ago; returns how many. For the sweep."""
    before = (now or clock_now()) - KEPT_FOR
    return retention.remove(DecisionToken, retention.made_before(before) & Q(expires_at__lt=before), limit=limit)
