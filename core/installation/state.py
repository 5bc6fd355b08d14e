"""Checks of what runs and what is stored: start-up checks, processes, versions, keys, backups."""

from collections import Counter
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks.registry import registry
from django.db.models import Q, QuerySet

from core.errors import Unavailable
from core.installation.registry import Check, Finding, failure, register, warning, well
from core.observability import health, processes
from core.observability.processes import VERSION
from core.privacy import key_rotation
from core.privacy.encrypted_fields import Sealed
from core.privacy.encryption import key_ring
from core.tenancy.scope import platform_scope, tenant_scope
from core.upgrades import progress

PAGE: Final = "docs/how-to/check-an-installation.md"


def start_up() -> Finding:
    """Run our system checks, also those of the database. Django's own judge the code, which every start has passed."""
    here = {app.name.partition(".")[0] for app in apps.get_app_configs() if Path(app.path).parent == settings.BASE_DIR}
    ours: list[Any] = [one for one in registry.get_checks() if one.__module__.partition(".")[0] in here]
    asked = [one for one in ours if checks.Tags.admin not in one.tags]
    found = [message for one in asked for message in one(app_configs=None, databases=["default"])]
    wrong = [message for message in found if message.level >= checks.ERROR]
    if wrong:
        shown = "; ".join(f"{message.msg.rstrip('.')} ({message.id})" for message in wrong[:3])
        return failure(f"Start-up checks fail: {shown}.", "Run `./walker manage check --database default` for all.")
    return well(f"All {len(asked)} start-up checks pass.")


def readiness() -> Finding:
    """Run the checks and the alerts of /readyz."""
    red = [f"{one.name}: {one.problem}" for one in (*health.run_checks(), *health.run_alerts()) if not one.ok]
    if red:
        return failure(f"What /readyz checks is not ready: {'; '.join(red)}.", "See whether each process runs.")
    return well("Everything that /readyz checks is ready.")


def versions() -> Finding:
    """Compare the versions that processes note with their heartbeats with the version that runs this."""
    running = processes.running()
    others = Counter((one.part, one.version) for one in running if one.version != VERSION)
    ages = {part: health.beat_age(part) for part in {"worker", "beat"} - {one.part for one in running}}
    aged = sorted(part for part, age in ages.items() if age is not None and age < processes.SEEN)
    if others or aged:
        named = [f"{count} {part} of {version}" for (part, version), count in sorted(others.items())]
        named += [f"{part} of an unknown version" for part in aged]
        return warning(
            f"This is {VERSION}, but other versions are running: {', '.join(named)}.",
            "Restart these processes with the new version.",
        )
    if not running:
        return warning(f"This is {VERSION}. No process has been heard of in the last minute.", "Start the processes.")
    machines = {one.machine for one in running}
    where = "one machine" if len(machines) == 1 else f"{len(machines)} machines"
    return well(f"{len(running)} processes on {where} run {VERSION}.")


def upgrade() -> Finding:
    """Find where the upgrade to this version stands, and what it waits for."""
    stands = progress.look()
    if stands.expand:
        return failure(f"{len(stands.expand)} migrations that {VERSION} needs aren't applied.", stands.next_step())
    if stands.is_over:
        return well(f"The database is upgraded to {VERSION}.")
    said = f"The upgrade to {VERSION} isn't finished: {'; '.join(stands.lines()[2:])}."
    return warning(said, stands.next_step()) if stands.older or stands.is_filling else well(said)


def keys() -> Finding:
    """Decrypt the oldest value of each encrypted table, and the newest: other keys, or too few, show here."""
    opened, broken = 0, []
    for model, fields in key_rotation.encrypted_models():
        filled = Q()
        for field in fields:
            filled |= Q(**{f"{field.name}__isnull": False})
        with platform_scope():  # rows of all organisations, none of which is read before its own scope
            rows: QuerySet[Any] = model._default_manager.filter(filled).only(
                "tenant_id", *(field.name for field in fields)
            )
            ends = [row for row in (rows.order_by("pk").first(), rows.order_by("pk").last()) if row is not None]
        for row in {row.pk: row for row in ends}.values():
            sealed = [field for field in fields if isinstance(row.__dict__.get(field.attname), Sealed)]
            with tenant_scope(row.tenant_id):
                try:
                    for field in sealed:
                        getattr(row, field.attname)
                except (Unavailable, ValueError):
                    broken.append(str(model._meta.verbose_name_plural))
                    break
            opened += len(sealed)
    if broken:
        shown = f"{', '.join(broken[:3])}" + (f" and {len(broken) - 3} more" if len(broken) > 3 else "")
        return failure(
            f"WALKER_KEYS doesn't open stored values: {shown}.",
            "Add the keys that these were written with to WALKER_KEYS, older ones first.",
        )
    return well(f"WALKER_KEYS ({len(key_ring())}) opened {opened} stored values.")


def backups() -> Finding:
    """Find how old the last backup is, and when one was last restored as a drill."""
    return warning(
        "Not known: Walker makes no backups yet, so it can't tell how old the last one is, or when one was tried.",
        f"Read “Backups” in {PAGE}, and make them by other means.",
    )


register(Check("start_up", "Start-up checks", start_up, seconds=6.0))
register(Check("readiness", "Readiness", readiness, seconds=8.0))
register(Check("versions", "Versions", versions))
register(Check("upgrade", "Upgrade", upgrade, seconds=8.0))
register(Check("keys", "Keys", keys, seconds=8.0))
register(Check("backups", "Backup and drill", backups))
