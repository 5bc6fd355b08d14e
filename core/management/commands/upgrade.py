"""`manage.py upgrade`: bring an installation to this version while it runs, for `./walker upgrade`."""

import os
import time
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from core.installation import state
from core.installation.registry import all_checks
from core.observability.processes import VERSION
from core.upgrades import backfills, progress, releases

LEANS_ON: Final = frozenset({"database_role", "database_connections", "redis_memory", "clocks"})
"""Checks of the doctor whose failure stops an upgrade. Others read tables that this version may lack yet."""
MIGRATE: Final[dict[str, Any]] = {"interactive": False, "skip_checks": False}
KUBERNETES: Final = "kubectl set image, or apply the overlay with the new tag"
SYSTEMD: Final = """\
   ln -sfn {place} /opt/walker && cp {place}/deploy/systemd/*.service /etc/systemd/system/
   systemctl daemon-reload && systemctl start walker-migrate
   systemctl restart walker-web@8001, and once it is ready walker-web@8002
   systemctl restart walker@worker walker@models walker@webhooks walker@beat"""


class Command(BaseCommand):
    help = "Bring an installation to this version while it runs. The same command goes on after a stop at any step."
    # They look at tables that this version may lack yet.
    requires_system_checks: Any = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the second half, the questions, and what may be left out."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--contract", action="store_true", help="finish: afterwards there is no way back")
        what.add_argument("--status", action="store_true", help="only say where it stands")
        what.add_argument("--lacking", action="store_true", help="only say which migrations this version lacks")
        parser.add_argument("--without-backup", action="store_true", help="although there is no fresh backup")
        parser.add_argument("--patience", type=float, default=3600.0, metavar="SECONDS", help="how long it waits")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do the steps that are left. Raises CommandError with the next step where one fails."""
        try:
            self._handle(options)
        except RedisError:
            raise CommandError(progress.NO_REDIS) from None

    def _handle(self, options: dict[str, Any]) -> None:
        self.until = time.monotonic() + options["patience"]
        if options["lacking"]:
            lacking = progress.lacking()
            if not lacking and (problem := releases.left_behind()):
                raise CommandError(problem)
            self.stdout.write("\n".join(lacking))
        elif options["status"]:
            self._show()
        elif options["contract"]:
            self._contract()
        else:
            self._expand(without_backup=options["without_backup"])
            self._roll()
            self._fill()
            self._end()

    def _show(self) -> None:
        stands = progress.look()
        self.stdout.write("\n".join(stands.lines()))
        self.stdout.write(stands.next_step() or "All done.")

    def _expand(self, *, without_backup: bool) -> None:
        """Check the installation and its backup, and add what this version needs."""
        progress.check_path()
        if progress.is_expanded() and not progress.lacking():
            self.stdout.write("1 expand: done")
            return
        for check in all_checks():
            if check.key in LEANS_ON:
                found = check.look()
                if found.status == "failure":
                    raise CommandError(
                        f"{check.title}: {found.text} {found.next_step} Then run the same command again."
                    )
        backup = state.backups()
        if backup.status != "ok":
            if not without_backup:
                raise CommandError(
                    f"There is no fresh backup: {backup.text} {backup.next_step} "
                    "Or run `walker upgrade --without-backup`."
                )
            self.stdout.write(f"WARNING: without a fresh backup. {backup.text}")
        self.stdout.write("1 expand: adding what this version needs; the site goes on")
        call_command("migrate", expand=True, **MIGRATE, stdout=self.stdout)

    def _roll(self) -> None:
        """Wait until every process runs this version."""
        told = ""
        while old := progress.older():
            told = self._tell(told, f"2 roll: {', '.join(old)} still run. Start them with {VERSION}:", how_to_roll())
            self._wait("Processes of an older version still run")
        self.stdout.write(f"2 roll: no process of an older version than {VERSION} runs")

    def _fill(self) -> None:
        """Fill rows beside the workers, until none is left."""
        told = ""
        while backfills.work(seconds=progress.LOOK_EVERY):
            for row in backfills.unfinished():
                if problem := backfills.stopped(row):
                    raise CommandError(problem)
                told = self._tell(told, f"3 backfill: {row.name}: {backfills.progress(row)}")
            self._wait("Rows are still to be filled", seconds=0.2)
        self.stdout.write("3 backfill: done")

    def _end(self) -> None:
        if progress.look().is_over:
            progress.record()
            self.stdout.write(f"4 contract: nothing to do. The upgrade to {VERSION} is finished.")
        else:
            self.stdout.write(
                "4 contract: waits. Until then you can go back to the version before: start its processes again. Once "
                "you won't, run `walker upgrade --contract`."
            )

    def _contract(self) -> None:
        """Drop what older versions needed, once nothing of them is heard of for a while."""
        stands = progress.look()
        if stands.expand:
            raise CommandError("Migrations that this version needs aren't applied. Run `walker upgrade` first.")
        if stands.is_over:
            progress.record()
            self.stdout.write("4 contract: nothing to do")
            return
        self.stdout.write("4 contract: dropping what only older versions needed")
        call_command("migrate", contract=True, **MIGRATE, stdout=self.stdout)
        self.stdout.write(f"The upgrade to {VERSION} is finished.")

    def _tell(self, told: str, *lines: str) -> str:
        """Write lines, unless they were the last ones that were written; return them."""
        text = "\n".join(lines)
        if text != told:
            self.stdout.write(text)
            self.stdout.flush()
        return text

    def _wait(self, why: str, seconds: float | None = None) -> None:
        if time.monotonic() > self.until:
            raise CommandError(f"{why}. {progress.STATUS} Then run the same command again.")
        time.sleep(progress.LOOK_EVERY if seconds is None else seconds)


def how_to_roll() -> str:
    """Return the commands that start the processes with this version, for the way they run."""
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return f"   {KUBERNETES}"
    if Path("/run/systemd/system").exists():
        return SYSTEMD.format(place=settings.BASE_DIR)
    return "   restart web, worker, models, webhooks and beat, one after another"
