"""Record what a person did in the audit log of each of their organisations."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.db import transaction

from accounts.selectors import ActiveMembership
from core.actors import Actor
from core.audit import chain
from core.events.publish import publish
from core.events.streams import NewEvent
from core.tenancy.scope import tenant_scope

OBJECT: Final = "accounts.membership"


def record_in_each_tenant(
    memberships: Iterable[ActiveMembership],
    action: str,
    actor_of: Callable[[ActiveMembership], Actor],
    facts: dict[str, Any] | None = None,
    event: NewEvent | None = None,
) -> None:
    """Write one audit entry into each of a person's tenants, and an event if one is given."""
    # Always in the same order: each entry locks the head of its tenant's chain.
    for membership in sorted(memberships, key=lambda membership: membership.tenant_id):
        with tenant_scope(membership.tenant_id), transaction.atomic():
            publish(
                events=[event] if event else (),
                audit=[chain.Fact(actor_of(membership), action, OBJECT, membership.membership_id, facts=facts)],
            )
