"""Which releases the database was brought to, and how far rows are filled for the newest one."""

from django.db import models

from core.clock import now


class Upgrade(models.Model):
    """An upgrade of the database to a release. Outside the tenant wall: versions and times, no row of anyone."""

    version = models.CharField(max_length=20, primary_key=True)
    came_from = models.CharField(max_length=20, blank=True, help_text="The release before; empty for a new database.")
    began_at = models.DateTimeField(default=now)
    expanded_at = models.DateTimeField(null=True, help_text="Since then its processes can run.")
    finished_at = models.DateTimeField(null=True, help_text="Since then no process of an older version can run.")

    def __str__(self) -> str:
        return f"upgrade to {self.version}"


class Backfill(models.Model):
    """How far a backfill is. Outside the tenant wall: numbers of rows and one key, no row of anyone."""

    name = models.CharField(max_length=120, primary_key=True, help_text="Of the migration that declares it.")
    position = models.CharField(
        max_length=64, blank=True, help_text="The key of the last row that is done; empty at the beginning of a pass."
    )
    done = models.BigIntegerField(default=0, help_text="Rows that are filled.")
    total = models.BigIntegerField(null=True, help_text="Rows that were to be filled when it began.")
    moved_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True, help_text="When a pass from the beginning found no row any more.")
    last_error = models.CharField(max_length=60, blank=True, help_text="The kind of error of the last batch.")

    def __str__(self) -> str:
        return f"{self.name}: {self.done}"
