"""Create approve-by-email links and decide by them, each once."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.selectors import hold_membership
from core import retention
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.db.rows import get_or_missing
from core.errors import Gone, Invalid, Refused, WalkerError
from core.privacy.encryption import digest_of_secret
from hitl.approvals.decide.decide import Verdict, bar, vote
from hitl.approvals.decide.rights import require_text
from hitl.approvals.state import transitions
from hitl.approvals.state.revisions import void_tokens
from hitl.decision_links import rules
from hitl.decision_links.secrets import secret_of
from hitl.models import Approval, DecisionToken
from hitl.notification_channels import people_who_can_read_mail
from hitl.policy import link_policy
from hitl.selectors.search import reference_of

KEPT_FOR: Final = timedelta(days=7)
"""How long an expired link still says so; after that it is deleted, and answered with 404."""
_SAYS: Final = {rules.EITHER: ("approve", "reject"), "approve": ("approve",), "reject": ("reject",)}


def make_link(
    *,
    actor: Actor,
    approval_id: UUID,
    person_id: UUID,
    verdict: str = rules.EITHER,
    channel: str = rules.CHANNEL,
    now: datetime | None = None,
) -> str:
    """Create a link by which a person can decide a request, and return its secret.

    Returns "" for people who are not assigned or have voted, and where signing in is required. Only the digest is
    stored; older links of the person to the request become void. `verdict` limits the link to one decision;
    `channel` is recorded with it. Who may: the system, when the message is sent. Raises Refused, NotFound, Invalid.
    """
    if actor.kind != "system":
        raise Refused("Only the system can create links.")
    if verdict not in _SAYS:
        raise Invalid("A link can approve, reject or either.", fields={"verdict": ["unknown"]})
    moment = now or clock_now()
    with transaction.atomic():
        approval = locked(Approval, approval_id)
        token = DecisionToken(
            approval=approval,
            person_id=person_id,
            verdict=verdict,
            channel=channel,
            revision_digest=approval.digest,
            policy_version=link_policy.current().version,
            expires_at=min(approval.expires_at, moment + settings.DECISION_LINK_LIFE),
        )
        secret = secret_of(token)
        token.digest = digest_of_secret(secret)
        try:
            rules.check(token, approval, rules.actor_of(token, rules.UNSEEN), moment)
        except WalkerError:
            return ""
        void_tokens(approval, moment, DecisionToken.End.NEWER, person_id=person_id)
        token.save(force_insert=True)
        about = {"approval": str(approval.pk), "person": str(person_id)}
        chain.note(actor, "DECISION_LINK_MADE", token, revision=approval.revision, **about)
    return secret


def decide_by_link(
    *,
    token_id: UUID,
    verdict: Verdict,
    typed: str,
    reason: str = "",
    visit: rules.Visit = rules.UNSEEN,
    now: datetime | None = None,
) -> Approval:
    """Decide as the person of a link, with their current role, and use up the link.

    Who may: anyone who has the link, while its person could decide. `typed` is the request's number, so
    that programs that follow links decide nothing; a rejection needs a reason. People who could have read
    the mail can't approve the request afterwards. Runs in the tenant's scope. Raises NotFound, Gone, Invalid,
    what `decide` raises, and Refused (`sign_in`, `other_person`). Announces what `decide` announces.
    """
    moment = now or clock_now()
    with transaction.atomic():
        # Shared lock: once email approvals are disabled, no decision that began before can commit.
        link_policy.hold(shared=True)
        token: DecisionToken = get_or_missing(DecisionToken.objects.select_related("person").filter(pk=token_id))
        hold_membership(token.person_id)
        # The request is locked next, in the same order as everywhere else that voids its links.
        approval = locked(Approval, token.approval_id)
        token.refresh_from_db(fields=["consumed_at", "ended_by"])
        actor = rules.actor_of(token, visit)
        rules.check(token, approval, actor, moment, verdict=verdict if verdict in ("approve", "reject") else "")
        if verdict not in ("approve", "reject"):
            raise Invalid("Choose to approve or to reject.", fields={"verdict": ["Choose to approve or to reject."]})
        if verdict not in _SAYS.get(token.verdict, ()):
            raise Refused("This link can't do that.", code="other_verdict")
        if reference_of(typed) != approval.reference:
            say = "Enter the number at the top of the page."
            raise Invalid("This isn't the number of this request.", fields={"typed": [say]})
        if verdict == "reject":
            require_text("reason", reason, "Give a reason for rejecting this request.")
        _spend(token, approval, moment)
        with transitions.work_on(approval.pk, moment) as (work, decided):
            # A reader who used a link and is assigned later could vote a second time.
            barred = bar(decided, people_who_can_read_mail())
            vote(work, decided, actor, verdict, token.revision_digest, reason, token.channel)
        facts: dict[str, Any] = {"revision": approval.revision, "barred": [str(one) for one in barred]}
        chain.note(actor, "DECISION_LINK_USED", token, approval=str(approval.pk), **facts)
    return decided


def _spend(token: DecisionToken, approval: Approval, moment: datetime) -> None:
    live = DecisionToken.objects.filter(
        pk=token.pk, consumed_at=None, expires_at__gt=moment, revision_digest=approval.digest
    )
    if not live.update(consumed_at=moment, ended_by=DecisionToken.End.USED):
        raise Gone("This link is no longer valid.", code="replaced")
    void_tokens(approval, moment, DecisionToken.End.NEWER, person_id=token.person_id)


def purge_links(*, now: datetime | None = None) -> int:
    """Delete links that expired more than a week ago; return how many. For the sweep."""
    before = (now or clock_now()) - KEPT_FOR
    return retention.remove(DecisionToken, retention.made_before(before) & Q(expires_at__lt=before))
