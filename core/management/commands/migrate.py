"""`manage.py migrate`: as the owner, and with the wall laid over every table afterwards."""

from typing import Any

from django.conf import settings
from django.core.management.commands import migrate

from core.db.owner import as_owner
from core.tenancy.rls import install_policies


class Command(migrate.Command):
    """Django's migrate, run by the owner of the tables."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then lay the walls (not while unapplying or only listing)."""
        with as_owner():
            super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"] or options["app_label"]):
                install_policies(testing=settings.WALKER_TESTING)

    def check(self, *args: Any, **options: Any) -> None:
        """Check all but the database: a table that is about to be made has no wall yet."""
        super().check(*args, **{**options, "databases": None})
