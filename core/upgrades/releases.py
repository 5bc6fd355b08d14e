"""The releases, and from which one each can be reached: an upgrade goes one step at a time."""

from dataclasses import dataclass
from typing import Final

from django.db.models import F, Q

from core.models.upgrades import Upgrade
from core.observability.processes import VERSION, number


@dataclass(frozen=True, slots=True)
class Release:
    """A release: the one it can be reached from, and whether that needs a stop of the site."""

    version: str
    after: str = ""
    needs_stop: bool = False


RELEASES: Final = (
    Release("0.2.0"),
    # What 0.2.0 writes lacks columns that have no default in the database.
    Release("0.3.0", after="0.2.0", needs_stop=True),
)
"""From the first to the last. Patches (0.3.1) aren't listed: they bring no migrations, and count as their release."""
FIRST: Final = RELEASES[0].version
"""The release of a database that doesn't say it: it is older than the table of upgrades."""


def line(version: str) -> tuple[int, ...]:
    """Return what a version shares with its patches."""
    return number(version)[:2]


def steps(at: str, to: str) -> list[Release]:
    """Return the releases between a database's and another one in their order. Empty if there is no way there."""
    found: list[Release] = []
    wanted = line(to)
    while wanted != line(at):
        release = next((one for one in RELEASES if line(one.version) == wanted), None)
        if release is None or not release.after:
            return []
        found.insert(0, release)
        wanted = line(release.after)
    return found


def refusal(at: str, to: str = VERSION) -> str:
    """Return why a database can't be upgraded from one version to another in one step, "" if it can."""
    if line(at) == line(to):
        return ""
    if number(at) > number(to):
        return f"This database is at {at}, and this is {to}: install {at} or a newer version."
    path = [release.version for release in steps(at, to)]
    if not path:
        return f"There is no way from {at}, which this database is at, to {to}, which isn't in the table of releases."
    if len(path) == 1:
        return ""
    way = ", then ".join(path)
    return (
        f"This database is at {at}, and {to} can't be reached from there in one step. Upgrade to {way}: install each, "
        "run `walker upgrade`, and finish it with `walker upgrade --contract` before the next."
    )


def needs_stop(at: str, to: str = VERSION) -> bool:
    """Return True if the site has to stop for the step between two versions."""
    return any(release.needs_stop for release in steps(at, to))


def left_behind() -> str:
    """Return why this code can't run on the database any more, "" if it can: a newer release dropped what it uses."""
    # One that had nothing to drop was finished as it was expanded. A new database never had what older code uses.
    dropped = Upgrade.objects.filter(Q(finished_at__gt=F("expanded_at")) | Q(came_from="", finished_at__isnull=False))
    newest = max(dropped.values_list("version", flat=True), key=number, default=VERSION)
    if line(newest) <= line(VERSION):
        return ""
    return (
        f"This database is at {newest}, which {VERSION} can't run on: start processes of {newest} or a newer version."
    )
