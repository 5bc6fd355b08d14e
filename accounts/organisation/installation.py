"""The check of the whole installation in the console, for its operators, and whether its owners have second factors."""

from typing import Final

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Q

from accounts.models import Membership, Tenant, User
from accounts.permissions.operators import as_operator, require_operator
from accounts.permissions.role_limits import FACTORS
from core.actors import Actor
from core.audit import chain
from core.installation.registry import Check, Finding, Report, last_report, register, run_checks, warning, well
from core.reliability.rate_limit import limit_per_hour
from core.tenancy.scope import current_tenant_id, platform_scope

PER_HOUR: Final = 30


def read_last_check(*, viewer: Actor) -> Report | None:
    """Return the report of the last check, or None. For operators, as `require_operator` says; raises `Refused`."""
    require_operator(viewer)
    return last_report()


def check_installation(*, actor: Actor) -> Report:
    """Run every check of the installation (outside calls) and return the report.

    For operators, as `require_operator` says. Raises `Refused`, and `TooMany` after 30 checks of all operators in an
    hour.
    Writes `INSTALLATION_CHECKED` to the audit log of the organisation that the operator is in. Not to be called inside
    a transaction.
    """
    require_operator(actor)
    limit_per_hour(
        "installation_checks",
        limit=PER_HOUR,
        sentence=f"The installation was checked {PER_HOUR} times in the last hour. Try again later.",
    )
    report = run_checks()
    with transaction.atomic():
        chain.record(
            as_operator(actor), "INSTALLATION_CHECKED", "accounts.tenant", current_tenant_id(), new_state=report.status
        )
    return report


def owners_factors() -> Finding:
    """Count owners and operators without a second factor; owners who sign in at their company alone don't need one."""
    with platform_scope():  # ids of people, no row of anyone
        owners = Membership.objects.filter(role=Membership.Role.OWNER, is_active=True)
        owners = owners.exclude(sign_in=Membership.SignIn.COMPANY)
        owners = owners.filter(tenant_id__in=Tenant.objects.filter(is_active=True).values("pk"))
        owning = set(owners.values_list("user_id", flat=True))
    active = User.objects.filter(Q(pk__in=owning) | Q(is_superuser=True), is_active=True)
    able = Authenticator.objects.filter(type__in=FACTORS).values("user_id")
    missing = active.exclude(pk__in=able).count()
    if missing:
        return warning(
            f"Owners and operators without a second factor: {missing}.",
            "Ask them to set one up, or require it of owners under People.",
        )
    return well("Every owner and operator has a second factor.")


register(Check("owners_factors", "Second factors of owners", owners_factors))
