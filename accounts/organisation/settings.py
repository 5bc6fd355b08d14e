"""The organisation's settings: one catalogue of what there is, the services that change it, and its history."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.members.pictures import draw_upload
from accounts.models import IdentityProvider, Membership, OrganisationLogo, SettingChange, Tenant
from accounts.permissions.factor_rules import set_factor_rule
from core.actors import Actor
from core.audit import chain
from core.db.rows import get_or_missing
from core.errors import Conflict, check_fields
from core.privacy.visible_text import is_plain
from core.reliability import kept
from core.tenancy.scope import current_tenant_id
from core.text.clean import clean_text, text_problem

CHANGE: Final = "accounts.change_tenant"
NAME_LIMIT: Final = 120
SUPPORT_LIMIT: Final = 60
LOGO_SIDE: Final = 96


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: what it is for, how its value is read, and whether customers see it."""

    key: str
    description: str
    read: Callable[[Tenant], Any]
    is_public: bool = False


@dataclass(frozen=True, slots=True)
class StatedSetting:
    """A setting with its value, and who changed it last, and when; None where nobody has."""

    key: str
    value: Any
    description: str
    is_public: bool
    updated_at: datetime | None
    updated_by: UUID | None


def company_sign_in(_: Tenant) -> str:
    """Return whether the tenant in scope has its company's sign-in: "off", "optional" or "required". One query."""
    is_required = IdentityProvider.objects.values_list("is_required", flat=True).first()
    return "off" if is_required is None else "required" if is_required else "optional"


CATALOGUE: Final = (
    Setting("name", "The organisation's name, for colleagues and in emails.", lambda row: row.name, is_public=True),
    Setting("zone", "Whose days figures and spending limits count.", lambda row: row.timezone),
    Setting("currency", "Suggested for new limits, budgets and workflows.", lambda row: row.currency),
    Setting("language", "What new members are written to in, until they choose.", lambda row: row.language),
    Setting(
        "support_name", "The sender's name of emails, where a mail account has none of its own.",
        lambda row: row.support_name, is_public=True,
    ),
    Setting(
        "logo", "Whether there is one: for chats without a logo of their own, and invitations.",
        lambda _: OrganisationLogo.objects.exists(), is_public=True,
    ),
    Setting("second_factor_roles", "Roles that need a second factor.", lambda row: sorted(row.factor_due)),
    Setting("company_sign_in", "Whether people sign in at their company.", company_sign_in),
)  # fmt: skip


def read_organisation(*, viewer: Actor) -> Tenant:
    """Return the organisation in scope. Needs `accounts.change_tenant`; raises `Refused`."""
    viewer.require(CHANGE)
    return Tenant.objects.get(pk=current_tenant_id())


def list_settings(*, viewer: Actor) -> list[StatedSetting]:
    """Return every setting of the catalogue with its value. Needs `accounts.change_tenant`. Four queries."""
    tenant = read_organisation(viewer=viewer)
    newest = {row.key: row for row in SettingChange.objects.order_by("key", "-id").distinct("key")}
    stated = []
    for one in CATALOGUE:
        change = newest.get(one.key)
        when, who = (change.created_at, change.changed_by_id) if change else (None, None)
        stated.append(StatedSetting(one.key, one.read(tenant), one.description, one.is_public, when, who))
    return stated


def list_changes(*, viewer: Actor) -> QuerySet[SettingChange]:
    """Return the changes of settings, the newest first. Needs `accounts.change_tenant`."""
    viewer.require(CHANGE)
    return SettingChange.objects.order_by("-id")


def recent_changes(most: int) -> list[SettingChange]:
    """Return the newest changes of settings, for pages whose viewer may change them. One query."""
    return list(SettingChange.objects.order_by("-id")[:most])


def change_organisation(
    *,
    actor: Actor,
    tenant_id: UUID,
    name: str | None = None,
    currency: str | None = None,
    language: str | None = None,
    support_name: str | None = None,
    second_factor: Mapping[str, Any] | None = None,
) -> Tenant:
    """Change settings of the organisation in scope; what is left out stays. Safe to repeat.

    Needs `accounts.change_tenant`; `second_factor`, with `roles` and `days`, what `set_factor_rule` needs. The currency
    is what new limits, budgets and workflows suggest; amounts that exist keep theirs. The time zone has a service of
    its own, `change_zone`. Raises `Refused`, `NotFound`, `Invalid`. Writes `TENANT_CHANGED`.
    """
    actor.require(CHANGE)
    get_or_missing(Tenant.objects.filter(pk=tenant_id))
    given = {
        "name": None if name is None else clean_text(name, NAME_LIMIT),
        "currency": None if currency is None else currency.strip().upper(),
        "language": language,
        "support_name": None if support_name is None else " ".join(support_name.split()),
    }
    wanted = {field: text for field, text in given.items() if text is not None}
    check_fields(faults_in(wanted))
    # In a transaction of its own: the audit log's head is locked last in each.
    if second_factor is not None:
        set_factor_rule(actor=actor, **second_factor)
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
        changed = [field for field, value in wanted.items() if getattr(tenant, field) != value]
        if changed:
            before = tenant.currency
            for field in changed:
                setattr(tenant, field, wanted[field])
            tenant.save(update_fields=changed)
            keep_history(actor, {field: wanted[field] for field in changed})
            chain.note(actor, "TENANT_CHANGED", tenant, fields=changed, currency=[before, tenant.currency])
    return tenant


def show_set_up(*, actor: Actor, tenant_id: UUID, is_shown: bool) -> Tenant:
    """Show the set-up list on the organisation's dashboard, or leave it out.

    Safe to repeat. Needs `accounts.change_tenant`. Raises `Refused`, `NotFound`. Writes `TENANT_CHANGED`.
    """
    actor.require(CHANGE)
    with transaction.atomic():
        tenant = get_or_missing(Tenant.objects.select_for_update().filter(pk=tenant_id))
        if tenant.hides_set_up == is_shown:
            tenant.hides_set_up = not is_shown
            tenant.save(update_fields=["hides_set_up"])
            chain.note(actor, "TENANT_CHANGED", tenant, fields=["hides_set_up"])
    return tenant


def save_logo(*, actor: Actor, logo: Any) -> Tenant:
    """Keep an uploaded file as the organisation's logo.

    It is redrawn, so that nothing but pixels is kept. Needs `accounts.change_tenant`. Raises `Refused`, `Unavailable`,
    and `Invalid` with the field for what isn't a picture we take. Writes `TENANT_CHANGED`.
    """
    actor.require(CHANGE)  # first: nobody draws for those who may not
    drawn = draw_upload(logo, field="logo", side=LOGO_SIDE)
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=current_tenant_id())
        OrganisationLogo.objects.update_or_create(defaults={"content": drawn})
        keep_history(actor, {"logo": True})
        chain.note(actor, "TENANT_CHANGED", tenant, fields=["logo"])
    kept.forget()
    return tenant


def remove_logo(*, actor: Actor) -> Tenant:
    """Remove the organisation's logo.

    Needs `accounts.change_tenant`. Raises `Refused`, and `Conflict` ("no_logo"). Writes `TENANT_CHANGED`.
    """
    actor.require(CHANGE)
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=current_tenant_id())
        if not OrganisationLogo.objects.all().delete()[0]:
            raise Conflict("There is no logo.", code="no_logo")
        keep_history(actor, {"logo": False})
        chain.note(actor, "TENANT_CHANGED", tenant, fields=["logo"])
    kept.forget()
    return tenant


def faults_in(wanted: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with settings, by field; "" for what is right."""
    support = wanted.get("support_name", "")
    is_name = is_plain(support) and not set(support) & set('<>@"')
    languages = Membership.Language.values
    return {
        "name": text_problem(wanted["name"], NAME_LIMIT, needed=True) if "name" in wanted else "",
        "currency": ""
        if re.fullmatch(r"[A-Z]{3}", wanted.get("currency", "EUR"))
        else "A currency has three capital letters, such as EUR.",
        "language": "" if wanted.get("language", "en") in languages else f"Choose one of {', '.join(languages)}.",
        "support_name": text_problem(support, SUPPORT_LIMIT) or ("" if is_name else "Enter a name without an address."),
    }


def keep_history(actor: Actor, values: Mapping[str, Any]) -> None:
    """Write down which settings somebody changed, with their new values. One query."""
    SettingChange.objects.bulk_create(
        [SettingChange(key=key, value=value, changed_by_id=actor.user_id) for key, value in values.items()]
    )
