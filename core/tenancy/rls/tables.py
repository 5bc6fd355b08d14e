"""Tables with and without row-level security; every table must be one of them."""

from django.apps import apps
from django.db import models

from core.tenancy.models import TenantModel

# Tables of other packages with rows of one tenant: they get a tenant column that Django does not know.
ADOPTED = frozenset({"admin.LogEntry", "guardian.UserObjectPermission", "guardian.GroupObjectPermission"})
# Tables without row-level security; docs/explanation/tenancy.md says why.
GLOBAL = frozenset(
    {
        "accounts.BrowserSession",
        "accounts.LinkedAccount",
        "accounts.OwedEntry",
        "accounts.Registration",
        "accounts.Tier",
        "accounts.TokenKey",
        "analytics.GaugeSample",
        "accounts.User",
        "account.EmailAddress",
        "account.EmailConfirmation",
        "auth.Group",
        "auth.Group_permissions",
        "auth.Permission",
        "accounts.User_groups",
        "accounts.User_user_permissions",
        "contenttypes.ContentType",
        "core.Backfill",
        "core.BusConsumer",
        "core.KeyRotation",
        "core.Upgrade",
        "django_celery_beat.ClockedSchedule",
        "django_celery_beat.CrontabSchedule",
        "django_celery_beat.IntervalSchedule",
        "django_celery_beat.PeriodicTask",
        "django_celery_beat.PeriodicTasks",
        "django_celery_beat.SolarSchedule",
        "hitl.GlobalKillSwitch",
        "mfa.Authenticator",
        "sessions.Session",
    }
)


class MissingPolicy(RuntimeError):
    """A table is neither tenant-owned nor on the list of global tables."""


def all_models() -> list[type[models.Model]]:
    """Return every model that has a table of its own."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.managed and not model._meta.proxy]


def is_walled(model: type[models.Model]) -> bool:
    """Return True if each row of the model belongs to one tenant."""
    label = model._meta.label
    return issubclass(model, TenantModel) or label in ADOPTED or label == "accounts.Tenant"


def walled_tables() -> list[str]:
    """Return the tables on which row-level security must be active."""
    return sorted(model._meta.db_table for model in all_models() if is_walled(model))
