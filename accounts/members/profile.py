"""One's own name: colleagues see all of it, customers the first name of who answers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from django.db import transaction

from accounts.members.invitations import check_name
from accounts.members.records import record_in_each_tenant
from accounts.models import Membership, User
from accounts.selectors import memberships_of
from core.actors import Actor
from core.errors import Invalid, Refused

USE: Final = "accounts.use_profile"
LONGEST_PART: Final = 80


def change_name(*, actor: Actor, first_name: str, last_name: str) -> User:
    """Change the actor's own name, in all their organisations. Safe to repeat.

    Needs `accounts.use_profile`; raises `Refused` and `Invalid`. Writes `NAME_CHANGED` in each organisation, which
    says what changed and never a name. Refused ("other_organisations") in a session that the company began to members
    of several: it speaks for one.
    """
    membership = own_membership(actor)
    if actor.by_company and len(memberships_of(membership.user_id)) > 1:
        raise Refused(
            "Your name counts in all your organisations. Sign in with your password to change it.",
            code="other_organisations",
        )
    named = {name: check_name(text, name) for name, text in (("first_name", first_name), ("last_name", last_name))}
    if faults := name_faults(named):
        raise Invalid("Nothing was saved. Check what you entered.", fields=faults)
    with transaction.atomic():
        person = User.objects.select_for_update().get(pk=membership.user_id)
        changed = [field for field, text in named.items() if getattr(person, field) != text]
        if not changed:
            return person
        for field in changed:
            setattr(person, field, named[field])
        person.save(update_fields=changed)
        everywhere = memberships_of(person.pk)
        record_in_each_tenant(
            everywhere, "NAME_CHANGED", lambda one: replace(actor, role=one.role), {"fields": changed}
        )
    return person


def name_faults(named: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what is wrong with the parts of a name, by field."""
    return {
        field: ["Use at most 80 characters." if text else "Enter your name."]
        for field, text in named.items()
        if not 0 < len(text) <= LONGEST_PART
    }


def own_membership(actor: Actor, *, is_locked: bool = False) -> Membership:
    """Return the actor's membership of the tenant in scope; needs `accounts.use_profile`.

    Raises `Refused`, also for API keys: a program has no face.
    """
    actor.require(USE)
    person = actor.require_person("Only people change their profile, and only their own.", by_key=False)
    rows = Membership.objects.select_for_update() if is_locked else Membership.objects.all()
    membership: Membership | None = rows.filter(user_id=person, is_active=True).first()
    if membership is None:
        raise Refused("You aren't a member of this organisation.", code="no_membership")
    return membership
