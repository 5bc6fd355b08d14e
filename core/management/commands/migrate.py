"""`manage.py migrate`: migrate as the owner, then install the row-level security of every table."""

from typing import Any

from django.conf import settings
from django.core.management.commands import migrate

from core.db.owner import as_owner
from core.db.time_limits import set_time_limits
from core.tenancy.rls import install_policies


class Command(migrate.Command):
    """Django's migrate, run by the owner of the tables."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then install the policies (not when unapplying or only listing) and set the time limits."""
        with as_owner():
            super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"] or options["app_label"]):
                install_policies(testing=settings.WALKER_TESTING)
        if not (options["plan"] or options["check_unapplied"]):
            set_time_limits()

    def check(self, *args: Any, **options: Any) -> None:
        """Run all checks except the database: new tables have no policies yet."""
        super().check(*args, **{**options, "databases": None})
