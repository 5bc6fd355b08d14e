"""App configuration of accounts."""

from typing import Final

from django.apps import AppConfig

from core import notices
from core.tenancy import lookups

LOOKUPS: Final = (
    lookups.Resolver(
        name="memberships",
        table="accounts_membership",
        match="user_id",
        columns=(
            ("tenant_id", "uuid"),
            ("id", "uuid"),
            ("role", "varchar"),
            ("own_teams_only", "boolean"),
            ("picture_key", "varchar"),
            ("zone", "varchar"),
            ("sign_in", "varchar"),
        ),
        condition="t.is_active",
        reads=("is_active",),
        of_tenant=(("factor_due", "text", "x.factor_due ->> t.role"),),
        reads_of_tenant=("factor_due",),
        beside=(
            (
                "own_role",
                "text",
                "select jsonb_build_object('name', r.name, 'permissions', r.permissions, 'version', r.version, "
                "'session_hours', r.session_hours)::text from accounts_role r "
                "where r.tenant_id = t.tenant_id and r.key = t.role",
            ),
        ),
        reads_beside=(("accounts_role", "key, name, permissions, session_hours, tenant_id, version"),),
    ),
    lookups.Resolver(
        name="member_picture",
        table="accounts_membership",
        match="picture_key",
        columns=(("tenant_id", "uuid"), ("id", "uuid")),
        condition="t.picture_key <> ''",
    ),
    lookups.Resolver(
        name="api_key",
        table="accounts_apikey",
        match="digest",
        columns=(("tenant_id", "uuid"), ("id", "uuid")),
        condition="t.revoked_at is null",
        reads=("revoked_at",),
    ),
    lookups.Resolver(
        name="identity_provider",
        table="accounts_identityprovider",
        match="slug",
        columns=(("tenant_id", "uuid"), ("id", "uuid")),
    ),
    lookups.Resolver(
        name="directory",
        table="accounts_directory",
        match="digest",
        columns=(("tenant_id", "uuid"), ("id", "uuid")),
    ),
    lookups.Resolver(
        name="invitation",
        table="accounts_invitation",
        match="digest",
        columns=(("tenant_id", "uuid"), ("id", "uuid")),
    ),
)
"""How a tenant is found before it is known."""


class AccountsConfig(AppConfig):
    """Tenants, people, roles and keys."""

    name = "accounts"

    def ready(self) -> None:
        """Register look-ups, erasure, the store of notices and the reader of limits; listen for sign-ins."""
        from accounts.notices import Store  # noqa: PLC0415  (needs the models)
        from accounts.organisation import installation, tiers, usage  # noqa: F401, PLC0415  (need the models)
        from accounts.permissions import operators  # noqa: PLC0415  (needs the models)
        from accounts.privacy import erasure  # noqa: F401, PLC0415  (needs the models)
        from accounts.sign_in import audit  # noqa: PLC0415  (needs the models)
        from core.audit import vouched  # noqa: PLC0415  (needs the models)
        from core.reliability import limits  # noqa: PLC0415  (needs the apps)

        audit.connect()
        limits.read_with(tiers.limits_set)
        vouched.register(operators.unappointed_operators)
        notices.store_with(Store())
        for one in LOOKUPS:
            lookups.register(one)
