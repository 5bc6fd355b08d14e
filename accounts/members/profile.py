"""One's own profile: the name in all organisations; language, time zone and signature in each one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from django.db import transaction

from accounts.members.invitations import check_name
from accounts.members.records import record_in_each_tenant
from accounts.models import Membership, User
from accounts.selectors import memberships_of
from core.actors import Actor
from core.audit import chain
from core.clock import zones
from core.errors import Invalid, Refused
from core.privacy.visible_text import is_plain
from core.text.clean import text_problem

USE: Final = "accounts.use_profile"
LONGEST_PART: Final = 80
LONGEST_SIGNATURE: Final = 500
MOST_LINES: Final = 8
WRONG: Final = "Nothing was saved. Check what you entered."


def read_profile(*, viewer: Actor) -> Membership:
    """Return the viewer's own membership of the tenant in scope. Needs `accounts.use_profile`; raises `Refused`."""
    return own_membership(viewer)


def change_profile(
    *,
    actor: Actor,
    first_name: str | None = None,
    last_name: str | None = None,
    language: str | None = None,
    zone: str | None = None,
    signature: str | None = None,
) -> Membership:
    """Change parts of the actor's own profile; what is left out stays. Safe to repeat.

    The name changes in all their organisations, the rest in the tenant in scope; `zone` "" is the organisation's.
    Needs `accounts.use_profile`; raises `Refused`, as `change_name` does, and `Invalid` with the fields. Writes
    `NAME_CHANGED` in each organisation and `PROFILE_CHANGED` in this one, which say what changed and never the text.
    """
    own_membership(actor)
    names = {"first_name": first_name, "last_name": last_name}
    named = {field: check_name(text, field) for field, text in names.items() if text is not None}
    signed = None if signature is None else signature.replace("\r\n", "\n").strip()
    own = {"language": language, "zone": zone, "signature": signed}
    chosen = {field: text for field, text in own.items() if text is not None}
    if faults := {**name_faults(named), **profile_faults(chosen)}:
        raise Invalid(WRONG, fields=faults)
    # Each in its own transaction: the audit logs of several organisations are locked in one order.
    if named:
        change_name(actor=actor, **named)
    with transaction.atomic():
        membership = own_membership(actor, is_locked=True)
        changed = [field for field, text in chosen.items() if (getattr(membership, field) or "") != text]
        if changed:
            for field in changed:
                setattr(membership, field, chosen[field])
            membership.save(update_fields=changed)
            chain.note(actor, "PROFILE_CHANGED", membership, fields=changed)
    return membership


def change_name(*, actor: Actor, first_name: str | None = None, last_name: str | None = None) -> User:
    """Change the actor's own name, in all their organisations; a part that is left out stays. Safe to repeat.

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
    given = {"first_name": first_name, "last_name": last_name}
    named = {field: check_name(text, field) for field, text in given.items() if text is not None}
    if faults := name_faults(named):
        raise Invalid(WRONG, fields=faults)
    with transaction.atomic():
        person = User.objects.select_for_update().get(pk=membership.user_id)
        changed = [field for field, text in named.items() if getattr(person, field) != text]
        if not changed:
            return person
        for field in changed:
            setattr(person, field, named[field])
        person.save(update_fields=[*changed, "updated_at"])
        everywhere = memberships_of(person.pk)
        record_in_each_tenant(
            everywhere,
            "NAME_CHANGED",
            lambda one: replace(actor, role=one.role, role_version=one.role_version),
            {"fields": changed},
        )
    return person


def name_faults(named: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what is wrong with the parts of a name, by field."""
    return {
        field: ["Use at most 80 characters." if text else "Enter your name."]
        for field, text in named.items()
        if not 0 < len(text) <= LONGEST_PART
    }


def profile_faults(chosen: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what is wrong with language, time zone and signature, by field."""
    found = {}
    if chosen.get("language", Membership.Language.EN) not in Membership.Language.values:
        found["language"] = f"Choose one of {', '.join(Membership.Language.values)}."
    zone, signature = chosen.get("zone", ""), chosen.get("signature", "")
    if zone and zone not in zones():
        found["zone"] = "Choose an IANA time zone such as Europe/Berlin, or leave it empty for your organisation's."
    if problem := text_problem(signature, LONGEST_SIGNATURE):
        found["signature"] = problem
    elif not is_plain(signature):
        found["signature"] = "This contains characters that can't be seen."
    elif signature.count("\n") >= MOST_LINES:
        found["signature"] = f"Use at most {MOST_LINES} lines."
    return {field: [problem] for field, problem in found.items()}


def own_membership(actor: Actor, *, is_locked: bool = False) -> Membership:
    """Return the actor's membership of the tenant in scope; needs `accounts.use_profile`.

    Raises `Refused`, also for API keys: a program has no face.
    """
    actor.require(USE)
    person = actor.require_person("Only people have a profile, and only they see and change it.", by_key=False)
    rows = Membership.objects.select_for_update(of=("self",)) if is_locked else Membership.objects.all()
    own = rows.select_related("user").filter(user_id=person, is_active=True)
    membership: Membership | None = own.first()
    if membership is None:
        raise Refused("You aren't a member of this organisation.", code="no_membership")
    return membership
