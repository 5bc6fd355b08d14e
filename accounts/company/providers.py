"""The organisation's identity provider: connect it, change it, require its sign-in, and remove it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.company import protocol
from accounts.company.claims import LEVELS
from accounts.company.people import make_due
from accounts.company.protocol import SignInFailed
from accounts.company.rules import ROLES
from accounts.models import (
    CompanySession,
    DirectoryPerson,
    Identity,
    IdentityProvider,
    Membership,
    Role,
    SettingChange,
    Tenant,
    TokenFamily,
)
from accounts.permissions.role_limits import FACTORS, has_all_of, refuse_stale_sign_in
from accounts.permissions.roles import roles_here
from accounts.permissions.team_scope import team_names
from accounts.services import SIGN_IN_RULE
from accounts.sessions import company, families
from accounts.versioning import lock_version
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock
from core.errors import Conflict, Invalid, Refused, check_fields
from core.tenancy import lookups
from core.tenancy.scope import current_tenant_id
from core.text.clean import text_problem

MANAGE: Final = "accounts.manage_sign_in"
MISSING: Final = "There is no such sign-in."
MOST_RULES: Final = 200
MOST_PROOFS: Final = 50
PROOF_LIMIT: Final = 200
GROUP_LIMIT: Final = 300
LIMITS: Final = {"issuer": 300, "client_id": 200, "client_secret": 2000, "scopes": 200, "groups_claim": 80}


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What an owner enters; an empty secret keeps the one that is stored.

    Rules are group, role and teams; proofs are claim (`amr` or `acr`), value and the level that it counts as.
    """

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: str = "openid email profile"
    groups_claim: str = "groups"
    rules: tuple[Mapping[str, Any], ...] = ()
    default_role: str = Membership.Role.VIEWER
    creates_people: bool = False
    proofs: tuple[Mapping[str, Any], ...] = ()


def list_providers(*, viewer: Actor) -> QuerySet[IdentityProvider]:
    """Return the organisation's provider, if it has one. Needs `accounts.manage_sign_in`."""
    viewer.require(MANAGE)
    return IdentityProvider.objects.defer("client_secret")


def find_provider(slug: str) -> tuple[UUID, UUID] | None:
    """Return tenant and id of the provider of the organisation with this short name. Works outside a tenant scope."""
    rows = lookups.find("identity_provider", slug)
    return (rows[0]["tenant_id"], rows[0]["id"]) if rows else None


def connect_provider(*, actor: Actor, settings: ProviderSettings) -> IdentityProvider:
    """Connect the organisation's provider, once what it publishes can be read (outside calls).

    Needs `accounts.manage_sign_in`, a fresh sign-in, and every permission of the roles that it gives. Raises `Refused`
    ("confirm_before", "role_above_yours"), `Invalid` with the fields, and `Conflict` ("exists"). Writes
    `COMPANY_SIGN_IN_CONNECTED`.
    """
    actor.require(MANAGE)
    _refuse_unconfirmed(actor)
    values = _checked(actor, settings, has_secret=False)
    try:
        with transaction.atomic():
            _check_roles_again(actor, settings)
            slug = Tenant.objects.get(pk=current_tenant_id()).slug
            row: IdentityProvider = IdentityProvider.objects.create(slug=slug, **values)
            note_change(actor, "optional")
            chain.note(actor, "COMPANY_SIGN_IN_CONNECTED", row)
    except IntegrityError:
        raise Conflict("Your organisation has a company sign-in already. Change that one.", code="exists") from None
    return row


def revise_provider(
    *, actor: Actor, provider_id: UUID, settings: ProviderSettings, seen_version: int | None = None
) -> IdentityProvider:
    """Change the provider (outside calls). Another issuer, client or list of proofs ends the sessions that it began.

    From then on own roles are given by its groups while the actor could give them. Needs what `connect_provider` needs.
    Raises `Refused` ("confirm_before", "role_above_yours"), `NotFound`, `Invalid` with the fields, and `Conflict`
    ("stale_version"). Writes `COMPANY_SIGN_IN_CHANGED` with the fields.
    """
    actor.require(MANAGE)
    _refuse_unconfirmed(actor)
    values = _checked(actor, settings, has_secret=True)
    with transaction.atomic():
        _check_roles_again(actor, settings)
        row = lock_version(actor, IdentityProvider, provider_id, seen_version, MISSING)
        changed = [name for name, value in values.items() if getattr(row, name) != value]
        if not changed:
            return row
        for name in changed:
            setattr(row, name, values[name])
        if {"issuer", "client_id", "client_secret"} & set(changed):
            row.set_at = clock_now()
        row.version += 1
        row.save()
        if {"issuer", "client_id", "proofs"} & set(changed):
            company.end(CompanySession.objects.filter(provider=row))
        if {"rules", "default_role", "rules_by_id"} & set(changed):
            make_due(DirectoryPerson.objects.filter(gone_at=None))
        chain.note(actor, "COMPANY_SIGN_IN_CHANGED", row, fields=changed)
    return row


def require_company(
    *, actor: Actor, provider_id: UUID, owners: Collection[UUID], seen_version: int | None = None
) -> IdentityProvider:
    """Let passwords open the organisation to nobody but these emergency owners, who give their second factor as well.

    `owners` are memberships. Safe to repeat, also with other owners. All devices that are signed in to the API are
    signed out. Needs `accounts.manage_sign_in`, a fresh sign-in, and that the actor has signed in by the provider as it
    is set. Raises `Refused` ("confirm_first"), `NotFound`, `Invalid` with the field, and `Conflict` ("stale_version",
    "not_tried"). Writes `COMPANY_SIGN_IN_REQUIRED`.
    """
    actor.require(MANAGE)
    refuse_stale_sign_in(actor)
    with transaction.atomic():
        # Members who are added meanwhile wait, and are added by the rule of now.
        advisory_lock(SIGN_IN_RULE)
        row = lock_version(actor, IdentityProvider, provider_id, seen_version, MISSING)
        chosen = set(emergency_choices().filter(pk__in=owners).values_list("pk", flat=True))
        if not chosen or chosen != set(owners):
            problem = "Choose at least one owner who has a password and a second factor."
            raise Invalid(problem, fields={"owners": [problem]})
        own = Identity.objects.filter(user_id=actor.user_id, issuer=row.issuer, used_at__gte=row.set_at)
        if not own.exists():
            say = "Sign in with your company once before you require it of everybody: connect it in your profile."
            raise Conflict(say, code="not_tried")
        Membership.objects.exclude(pk__in=chosen).update(sign_in=Membership.SignIn.COMPANY)
        Membership.objects.filter(pk__in=chosen).update(sign_in=Membership.SignIn.FACTOR)
        for user_id in sorted(set(TokenFamily.objects.filter(ended_at=None).values_list("user_id", flat=True))):
            families.end(user_id, TokenFamily.End.COMPANY)
        row.is_required, row.version = True, row.version + 1
        row.save(update_fields=["is_required", "version"])
        note_change(actor, "required")
        chain.note(actor, "COMPANY_SIGN_IN_REQUIRED", row, owners=sorted(str(one) for one in chosen))
    return row


def stop_requiring(*, actor: Actor, provider_id: UUID) -> IdentityProvider:
    """Let passwords open the organisation again. Safe to repeat.

    Needs `accounts.manage_sign_in` and a fresh sign-in. Raises `Refused` ("confirm_first") and `NotFound`. Writes
    `COMPANY_SIGN_IN_OPTIONAL`.
    """
    actor.require(MANAGE)
    refuse_stale_sign_in(actor)
    with transaction.atomic():
        advisory_lock(SIGN_IN_RULE)
        row = lock_version(actor, IdentityProvider, provider_id, None, MISSING)
        if not row.is_required:
            return row
        Membership.objects.update(sign_in=Membership.SignIn.ANY)
        row.is_required, row.version = False, row.version + 1
        row.save(update_fields=["is_required", "version"])
        note_change(actor, "optional")
        chain.note(actor, "COMPANY_SIGN_IN_OPTIONAL", row)
    return row


def remove_provider(*, actor: Actor, provider_id: UUID) -> None:
    """Remove the provider with its secret and the directory's token; its sessions end. Who is who there stays known.

    Needs `accounts.manage_sign_in` and a fresh sign-in. Raises `Refused` ("confirm_first"), `NotFound`, and `Conflict`
    ("required"). Writes `COMPANY_SIGN_IN_REMOVED`.
    """
    actor.require(MANAGE)
    refuse_stale_sign_in(actor)
    with transaction.atomic():
        row = lock_version(actor, IdentityProvider, provider_id, None, MISSING)
        if row.is_required:
            raise Conflict("Your company sign-in is required. Stop requiring it first.", code="required")
        company.end(CompanySession.objects.filter(provider=row))
        gone = row.pk
        row.delete()
        note_change(actor, "off")
        chain.record(actor, "COMPANY_SIGN_IN_REMOVED", "accounts.identityprovider", gone)


def note_change(actor: Actor, value: str) -> None:
    """Add to the history of the organisation's settings what its company sign-in is from now on."""
    SettingChange.objects.create(key="company_sign_in", value=value, changed_by_id=actor.user_id)


def emergency_choices() -> QuerySet[Membership]:
    """Return the active owners with a password and a second factor."""
    able = Authenticator.objects.filter(type__in=FACTORS).values("user_id")
    rows = Membership.objects.filter(role=Membership.Role.OWNER, is_active=True, user__is_active=True, user_id__in=able)
    with_password = rows.exclude(user__password__startswith=UNUSABLE_PASSWORD_PREFIX)
    return with_password.select_related("user").order_by("pk")


def count_unconnected(provider: IdentityProvider) -> int:
    """Return how many active members have never been connected with the provider."""
    known = Identity.objects.filter(issuer=provider.issuer).values("user_id")
    return Membership.objects.filter(is_active=True, user__is_active=True).exclude(user_id__in=known).count()


def rules_of(text: str) -> tuple[dict[str, Any], ...]:
    """Return the rules that lines such as `group = role; team, team` say. Raises `Invalid` with the line."""
    names = {name.casefold(): team_id for team_id, name in team_names().items()}
    own = _own_roles()
    # A key stands for its role, also where another one is called so.
    roles = {**{name: key for key, name in own.items()}, **{key: key for key in (*ROLES, *own)}}
    rules = []
    for number, line in _lines(text):
        group, equals, what = line.rpartition(" = ")
        role, _, listed = (part.strip() for part in what.partition(";"))
        teams = [name.strip() for name in listed.split(",") if name.strip()]
        if not equals or not group.strip():
            raise _wrong_line("rules", number, "Write it as group = role; team, team.")
        if role and role not in roles:
            allowed = ", ".join([*ROLES, *own.values()])
            raise _wrong_line("rules", number, f"There is no role “{role[:60]}”. Use one of {allowed}.")
        if unknown := next((name for name in teams if name.casefold() not in names), ""):
            raise _wrong_line("rules", number, f"There is no team “{unknown[:60]}”.")
        listed_teams = [str(names[name.casefold()]) for name in teams]
        rules.append({"group": group.strip(), "role": roles.get(role, ""), "teams": listed_teams})
    return tuple(rules)


def text_of(rules: Iterable[Mapping[str, Any]]) -> str:
    """Return rules as the lines that `rules_of` reads; teams that are gone, and what led there alone, are left out."""
    names, own = team_names(), _own_roles()
    # A name that would be read otherwise is left to its key.
    roles = {key: name for key, name in own.items() if name not in own and ";" not in name and " = " not in f" {name}"}
    lines = []
    for rule in rules:
        teams = [names[UUID(team)] for team in rule["teams"] if UUID(team) in names]
        if rule["role"] or teams:
            role = roles.get(rule["role"], rule["role"])
            lines.append(f"{rule['group']} = {role}{'; ' if teams else ''}{', '.join(teams)}")
    return "\n".join(lines)


def proofs_of(text: str) -> tuple[dict[str, Any], ...]:
    """Return what lines such as `amr otp = second factor` say. Raises `Invalid` with the line."""
    levels = {word: level for level, word in LEVELS.items()}
    proofs = []
    for number, line in _lines(text):
        what, equals, word = line.rpartition(" = ")
        claim, _, value = what.strip().partition(" ")
        if not equals or claim not in ("amr", "acr") or not value or len(value.split()) != 1:
            raise _wrong_line("proofs", number, "Write it as amr value = level, or acr value = level.")
        if word.strip() not in levels:
            raise _wrong_line(
                "proofs", number, f"There is no level “{word.strip()[:40]}”. Use one of {', '.join(levels)}."
            )
        proofs.append({"claim": claim, "value": value.strip(), "level": levels[word.strip()]})
    return tuple(proofs)


def text_of_proofs(proofs: Iterable[Mapping[str, Any]]) -> str:
    """Return proofs as the lines that `proofs_of` reads."""
    return "\n".join(f"{proof['claim']} {proof['value']} = {LEVELS[proof['level']]}" for proof in proofs)


def _refuse_unconfirmed(actor: Actor) -> None:
    """Refuse a person without a fresh sign-in, and keep nothing of their form meanwhile: it holds a secret."""
    if actor.kind == "user" and not actor.proven_lately:
        raise Refused("Open this form again and confirm that it's you first.", code="confirm_before")


def _lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that hold something, with their numbers among all."""
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _wrong_line(field: str, number: int, sentence: str) -> Invalid:
    return Invalid("Some fields are not valid.", fields={field: [f"Line {number}: {sentence}"]})


def _own_roles() -> dict[str, str]:
    """Return the names of the own roles in the tenant in scope, by key."""
    return dict(Role.objects.filter(deleted_at=None).order_by("name").values_list("key", "name"))


def _check_roles_again(actor: Actor, settings: ProviderSettings) -> None:
    """Check the roles once more, under the lock under which own ones change: one may be another by now, or gone."""
    advisory_lock(SIGN_IN_RULE, shared=True)
    check_fields(_role_problems(actor, settings))


def _role_problems(actor: Actor, settings: ProviderSettings) -> dict[str, str]:
    """Return the fields that name no role that groups can lead to. Raises `Refused` for one above the actor's."""
    roles, named = roles_here(), {str(rule["role"]) for rule in settings.rules} - {""}
    can_be_given = roles.keys() - {Membership.Role.OWNER}
    problems = {}
    if named - can_be_given:
        problems["rules"] = "A group leads to a role that isn't there. Owners are made by owners."
    if settings.default_role not in ROLES:
        problems["default_role"] = "Choose a built-in role. Owners are made by owners."
    given = (named | {settings.default_role}) & can_be_given
    if not all(has_all_of(actor, role, roles[role].permissions) for role in given):
        raise Refused("The rules give a role with more permissions than yours.", code="role_above_yours")
    return problems


def _checked(actor: Actor, settings: ProviderSettings, *, has_secret: bool) -> dict[str, Any]:
    """Return the columns of what was entered, once the issuer answers for it. Raises `Invalid` with the fields."""
    values = {name: getattr(settings, name).strip() for name in LIMITS}
    is_needed = {"client_secret": not has_secret}
    problems = {
        name: text_problem(values[name], limit, needed=is_needed.get(name, True)) for name, limit in LIMITS.items()
    }
    if not problems["issuer"]:
        problems["issuer"] = protocol.address_problem(values["issuer"])
    if "openid" not in values["scopes"].split():
        problems["scopes"] = problems["scopes"] or "“openid” has to be one of them."
    problems |= _role_problems(actor, settings)
    groups = [str(rule["group"]) for rule in settings.rules]
    if len(groups) > MOST_RULES or len(set(groups)) < len(groups):
        problems["rules"] = f"Name each group once, at most {MOST_RULES} of them."
    problems["rules"] = problems.get("rules") or next(filter(None, (text_problem(g, GROUP_LIMIT) for g in groups)), "")
    proven = [(proof["claim"], proof["value"]) for proof in settings.proofs]
    if len(proven) > MOST_PROOFS or len(set(proven)) < len(proven):
        problems["proofs"] = f"Name each value once, at most {MOST_PROOFS} of them."
    elif problem := next(filter(None, (text_problem(value, PROOF_LIMIT) for _, value in proven)), ""):
        problems["proofs"] = problem
    check_fields(problems)
    try:
        protocol.read_endpoints(values["issuer"], is_fresh=True)
    except SignInFailed as problem:
        say = f"Walker can't read what this issuer publishes about itself. {problem.why}".strip()
        raise Invalid("Some fields are not valid.", fields={"issuer": [say]}) from None
    if not values["client_secret"]:
        del values["client_secret"]
    return {
        **values,
        "rules": [dict(rule) for rule in settings.rules],
        "default_role": settings.default_role,
        "creates_people": settings.creates_people,
        "rules_by_id": actor.user_id,
        "proofs": [dict(proof) for proof in settings.proofs],
    }
