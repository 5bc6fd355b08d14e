"""Roles that an organisation makes for itself: made, changed and deleted by people who have all that they allow."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.text import slugify

from accounts.members.invitations import PENDING, VIEW, is_plain_name
from accounts.models import IdentityProvider, Invitation, Membership, Role, RoleGroup, Tenant
from accounts.permissions.factor_rules import save_rule
from accounts.permissions.role_limits import MANAGE, refuse_stale_sign_in, refuse_weak_grant
from accounts.permissions.roles import ALL_PERMISSIONS, OWN, missing_beside
from accounts.permissions.team_scope import ALLOWED, LIMITABLE
from accounts.services import ROLE_NOTICE, SIGN_IN_RULE
from accounts.versioning import lock_version, unique
from core import notices
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock
from core.db.rows import get_or_missing
from core.errors import Conflict, NotFound, Refused, check_fields
from core.events.outbox import Announcement, announce_all
from core.privacy import pii
from core.tenancy.scope import current_tenant_id
from core.text.clean import text_problem

MISSING: Final = "There is no such role."
MOST_ROLES: Final = 40
MOST_HOURS: Final = 24 * 14
LONGEST_NAME: Final = 60
STEM: Final = 10
"""How much of a role's name its key has: with its version it fits where entries keep the role."""


@dataclass(frozen=True, slots=True)
class RoleSettings:
    """What a role is called, what it allows, whose conversations it sees, and how long its sessions last."""

    name: str
    permissions: Collection[str]
    sees: str = Role.Sees.ALL
    session_hours: int | None = None


class Use(NamedTuple):
    """What names a role, such as a workflow, and its page."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change of a role would mean: its people, what they gain and lose, and what names the role."""

    version: int
    people: tuple[str, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    sees: str
    """Whose conversations they would see, "" if that stays for all of them."""
    uses: tuple[Use, ...]
    given_to: tuple[str, ...]
    """Who gets it by the company's sign-in, such as a group."""


UseFinder = Callable[[str], Sequence[Use]]
_finders: Final[list[UseFinder]] = []


def find_uses_with(finder: UseFinder) -> None:
    """Register what returns the uses of a role in the tenant in scope; what names roles lives above this app."""
    _finders[:] = [finder]


def list_roles(*, viewer: Actor) -> QuerySet[Role]:
    """Return the organisation's own roles by name.

    Needs `accounts.view_membership`. Raises `Refused`.
    """
    viewer.require(VIEW)
    return Role.objects.filter(deleted_at=None).order_by("name")


def get_role(*, viewer: Actor, role_id: UUID) -> Role:
    """Return one of the organisation's own roles. Needs `accounts.view_membership`. Raises `Refused`, `NotFound`."""
    return get_or_missing(list_roles(viewer=viewer).filter(pk=role_id), MISSING)


def find_effect(*, viewer: Actor, role_id: UUID, settings: RoleSettings) -> Effect:
    """Return what a change of a role would mean. Changes nothing.

    Needs `accounts.manage_membership`. Raises `Refused`, `NotFound`.
    """
    viewer.require(MANAGE)
    row = get_role(viewer=viewer, role_id=role_id)
    before, after = set(row.permissions) & ALL_PERMISSIONS, set(settings.permissions)
    members = Membership.objects.filter(role=row.key, is_active=True, user__is_active=True).select_related("user")
    is_opened = settings.sees == Role.Sees.ALL and not LIMITABLE.issuperset(after)
    is_seen = settings.sees != row.sees or (is_opened and any(member.own_teams_only for member in members))
    return Effect(
        version=row.version,
        people=tuple(sorted(member.user.get_full_name() for member in members)),
        gained=tuple(sorted(after - before)),
        lost=tuple(sorted(before - after)),
        sees=Role.Sees(settings.sees).label if is_seen else "",
        uses=tuple(use for finder in _finders for use in finder(row.key)),
        given_to=tuple(_groups_giving(row.key)),
    )


def create_role(*, actor: Actor, settings: RoleSettings) -> Role:
    """Create a role of the organisation's own. Nobody has it yet.

    Needs `accounts.manage_membership`, every permission that the role is to have, and a sign-in as strong and fresh as
    changing a member's role does. Raises `Refused`, `Invalid`, and `Conflict` ("exists", "too_many_roles"). Writes
    `ROLE_CREATED`.
    """
    values = _checked(actor, settings)
    with transaction.atomic():
        advisory_lock(SIGN_IN_RULE)
        if list_roles(viewer=actor).count() >= MOST_ROLES:
            raise Conflict(f"You have {MOST_ROLES} roles of your own. Delete one first.", code="too_many_roles")
        # A key is never used again: old entries and decisions name it.
        taken = set(Role.objects.values_list("key", flat=True))
        stem = slugify(values["name"])[:STEM].strip("-") or "role"
        endings = ("" if number == 1 else str(number) for number in count(1))
        key = next(key for end in endings if (key := f"{OWN}{stem[: STEM - len(end)]}{end}") not in taken)
        with unique(actor, Role.objects.filter(name=values["name"], deleted_at=None), "Another role has this name."):
            row: Role = Role.objects.create(key=key, **values)
        RoleGroup.objects.create(role=key, group=Group.objects.create(name=secrets.token_hex(12)))
        chain.note(actor, "ROLE_CREATED", row, new_state="1", key=key, permissions=row.permissions, sees=row.sees)
    return row


def revise_role(*, actor: Actor, role_id: UUID, settings: RoleSettings, seen_version: int | None = None) -> Role:
    """Change a role for everybody who has it, from their next request on.

    Safe to repeat. Needs what `create_role` needs, also for what the role had before; nobody changes their own role.
    Where it no longer sees all conversations its members are limited, and where it does again they aren't. Others who
    may read the audit log get a notice. Raises `Refused` ("own_role", "role_above_yours", "weak_sign_in",
    "confirm_first"), `Invalid`, `NotFound` and `Conflict` ("exists", "stale_version"). Announces rights_changed. Writes
    `ROLE_REVISED`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        # Who gets a role waits, or has it by now.
        advisory_lock(SIGN_IN_RULE)
        row = _locked(actor, role_id, seen_version)
        values = _checked(actor, settings, row.permissions)
        old = {name: getattr(row, name) for name in values}
        if old == values:
            return row
        for name, value in values.items():
            setattr(row, name, value)
        row.version += 1
        same = Role.objects.filter(name=row.name, deleted_at=None).exclude(pk=row.pk)
        with unique(actor, same, "Another role has this name."):
            row.save()
        members = Membership.objects.filter(role=row.key)
        # Who holds their membership while they act was before this, or sees it.
        held = members.select_for_update(no_key=True).filter(is_active=True).order_by("pk")
        people = sorted(held.values_list("user_id", flat=True))
        if row.sees != Role.Sees.ALL:
            members.update(own_teams_only=True)
        elif old["sees"] != Role.Sees.ALL or not LIMITABLE.issuperset(row.permissions):
            members.update(own_teams_only=False)
        notices.leave_for_permission(
            "core.view_auditentry",
            besides=actor.user_id,
            kind=ROLE_NOTICE,
            title=f"The role {row.name} was changed",
            body="The audit log says who did it, and what was added and removed.",
            link=f"{reverse('admin:core_auditentry_changelist')}?action=ROLE_REVISED",
            level="warning",
        )
        announce_all(Announcement("rights_changed", person, {}) for person in people)
        chain.note(
            actor,
            "ROLE_REVISED",
            row,
            old_state=str(row.version - 1),
            new_state=str(row.version),
            key=row.key,
            added=sorted(set(row.permissions) - set(old["permissions"])),
            removed=sorted(set(old["permissions"]) - set(row.permissions)),
            fields=sorted(name for name in values if old[name] != values[name]),
            sees=row.sees,
            people=len(people),
        )
    return row


def delete_role(*, actor: Actor, role_id: UUID, seen_version: int | None = None) -> None:
    """Delete a role that nobody has, and that no invitation, no workflow and no rule of the company's sign-in names.

    Its rule about a second factor goes with it. Needs what `revise_role` needs. Raises `Refused`, `NotFound`, and
    `Conflict` ("in_use", "stale_version"). Writes `ROLE_DELETED`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        advisory_lock(SIGN_IN_RULE)
        # Who invites waits, or has done it.
        tenant = Tenant.objects.select_for_update(no_key=True).get(pk=current_tenant_id())
        row = _locked(actor, role_id, seen_version)
        _refuse_beyond(actor, row.permissions)
        people = Membership.objects.filter(role=row.key, is_active=True).count()
        if people or Invitation.objects.filter(PENDING, role=row.key).exists():
            having = f"{people} people have" if people > 1 else "Somebody has" if people else "An invitation offers"
            raise Conflict(f"{having} this role. Choose another one there first.", code="in_use", people=people)
        if named := [use.name for finder in _finders for use in finder(row.key)]:
            say = f"Workflows ask this role: {', '.join(named)}. Change them first."
            raise Conflict(say, code="in_use", workflows=named)
        if groups := _groups_giving(row.key):
            say = f"Your company sign-in gives this role to {', '.join(groups)}. Change its rules first."
            raise Conflict(say, code="in_use", given_to=groups)
        if tenant.factor_due.pop(row.key, None):
            save_rule(actor, tenant)
        row.deleted_at = clock_now()
        row.save(update_fields=["deleted_at"])
        chain.note(actor, "ROLE_DELETED", row, old_state=str(row.version), key=row.key)


def _groups_giving(role: str) -> list[str]:
    """Return what of the company's sign-in gives a role in the tenant in scope, in words. One query."""
    rules = IdentityProvider.objects.values_list("rules", flat=True).first() or ()
    return [f"the group “{rule['group']}”" for rule in rules if rule["role"] == role]


def _locked(actor: Actor, role_id: UUID, seen_version: int | None) -> Role:
    """Return a role, locked until the commit. Raises `Refused` for the actor's own one."""
    row = lock_version(actor, Role, role_id, seen_version, MISSING)
    if row.deleted_at is not None:
        raise NotFound(MISSING)
    if row.key == actor.role:
        raise Refused("You can't change your own role. Ask a colleague who manages people.", code="own_role")
    return row


def _refuse_beyond(actor: Actor, permissions: Collection[str]) -> None:
    """Refuse who isn't a person signed in lately and strongly enough, and with all of these permissions."""
    actor.require_person("Only people who are signed in can change roles.", by_key=False)
    if not all(actor.may(permission) for permission in permissions if permission in ALL_PERMISSIONS):
        raise Refused("This role has more permissions than yours.", code="role_above_yours")
    refuse_weak_grant(actor, permissions)
    refuse_stale_sign_in(actor)


def _checked(actor: Actor, settings: RoleSettings, before: Collection[str] = ()) -> dict[str, Any]:
    """Return the columns of what was entered. Raises `Refused` and, with the fields, `Invalid`."""
    actor.require(MANAGE)
    values = check_settings(settings)
    _refuse_beyond(actor, {*settings.permissions, *before})
    return values


def check_settings(settings: RoleSettings) -> dict[str, Any]:
    """Return the columns of a role with these settings. Raises `Invalid` with the fields if none can have them."""
    wanted, hours, name = frozenset(settings.permissions), settings.session_hours, " ".join(settings.name.split())
    problems = {"name": text_problem(name, LONGEST_NAME, needed=True)}
    if name.casefold() in {label.casefold() for label in Membership.Role.labels}:
        problems["name"] = "A built-in role has this name."
    elif not problems["name"] and not is_plain_name(name):  # invitations print it in an email to a stranger
        problems["name"] = "Choose a name that can't be read as a link: without / @ : < > and hidden characters."
    elif pii.find(name):
        problems["name"] = "Choose a name without phone numbers, email addresses and other personal data."
    if settings.sees not in ALLOWED:
        problems["sees"] = "Choose one of the options."
    elif not wanted or wanted - ALL_PERMISSIONS:
        problems["permissions"] = "Choose at least one of the permissions."
    elif beyond := sorted(wanted - ALLOWED[settings.sees]):
        who = "A role of your own" if settings.sees == Role.Sees.ALL else "A role that sees only some conversations"
        problems["permissions"] = f"{who} can't have {', '.join(beyond)}."
    elif missing := missing_beside(wanted):
        problems["permissions"] = f"Add {', '.join(missing)}: the others can't be used without."
    if hours is not None and not 1 <= hours <= MOST_HOURS:
        problems["session_hours"] = f"Enter 1 to {MOST_HOURS} hours."
    check_fields(problems)
    return {"name": name, "permissions": sorted(wanted), "sees": settings.sees, "session_hours": hours}
