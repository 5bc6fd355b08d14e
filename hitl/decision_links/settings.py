"""Enable and disable approve-by-email links for a tenant."""

from typing import Final

from django.conf import settings
from django.db import transaction

from accounts.last_change import last_change
from accounts.versioning import check_version
from core.actors import Actor
from core.errors import Conflict
from core.text.clean import clean_text
from hitl.models import LinkPolicy
from hitl.policy import link_policy
from hitl.seals import rules

MANAGE: Final = "hitl.manage_links"
_KEPT_AS: Final = "hitl.linkpolicy"


def set_link_policy(*, actor: Actor, is_on: bool, reason: str = "", seen_version: int | None = None) -> LinkPolicy:
    """Enable or disable email approvals for the tenant, as a new policy version.

    Links sent before the commit never work again, even when email approvals are enabled later; votes made
    by link stay. Who may: holders of `hitl.manage_links`. `seen_version` is the version the change is based
    on, 0 for none. Raises Refused, Conflict (`stale_version`, `unchanged`; `off_everywhere` if the
    installation has disabled them).
    """
    actor.require(MANAGE)
    with transaction.atomic():
        link_policy.hold()
        standing = link_policy.current()
        if standing.last is not None:
            check_version(actor, _KEPT_AS, standing.last, seen_version)
        if is_on == standing.is_on_here:
            facts = {} if standing.last is None else last_change(actor, _KEPT_AS, standing.last.pk)
            word = "on" if is_on else "off"
            raise Conflict(f"Email approvals are already {word}.", code="unchanged", version=standing.version, **facts)
        if is_on and not settings.DECISION_LINKS:
            say = "Email approvals are disabled for this installation. Contact the administrator."
            raise Conflict(say, code="off_everywhere")
        policy: LinkPolicy = LinkPolicy.objects.create(
            version=standing.version + 1,
            is_on=is_on,
            reason=clean_text(reason, 300),
            made_by_id=actor.user_id,
        )
        old, new = ("on" if each else "off" for each in (standing.is_on_here, is_on))
        action = f"DECISION_LINKS_{new.upper()}"
        rules.note(actor, action, policy, old_state=old, new_state=new, version=policy.version)
    return policy
