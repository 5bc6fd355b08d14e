"""The setting of email approvals, by the installation and by the tenant."""

from dataclasses import dataclass
from typing import Final, Literal

from django.conf import settings

from core.db.locks import advisory_lock
from hitl.models import LinkPolicy
from hitl.seals.rules import RuleSeals, read_checked
from hitl.seals.tables import LINKS

LOCK: Final = "link policy"
Off = Literal["", "off", "off_here"]


@dataclass(frozen=True, slots=True)
class Standing:
    """The settings of the tenant, with their version (0 if never set), and of the installation."""

    version: int
    is_on_here: bool
    is_on_everywhere: bool
    last: LinkPolicy | None = None

    @property
    def why_off(self) -> Off:
        """Return who disabled them: "off" for the installation, "off_here" for the tenant, "" for nobody."""
        if not self.is_on_everywhere:
            return "off"
        return "" if self.is_on_here else "off_here"


def current(seals: RuleSeals | None = None) -> Standing:
    """Return the settings for the tenant in scope, off if the row was changed outside the application. Two queries."""
    known = seals or RuleSeals()

    def read() -> tuple[LinkPolicy | None, str]:
        last = LinkPolicy.objects.select_related("made_by").order_by("-version").first()
        return last, known.problem(LINKS, [] if last is None else [last])

    last, problem = read_checked(known, read)
    allowed = bool(settings.DECISION_LINKS)
    if problem:
        return Standing(0 if last is None else last.version, False, allowed, last)
    return Standing(0, True, allowed) if last is None else Standing(last.version, last.is_on, allowed, last)


def hold(*, shared: bool = False) -> None:
    """Lock the policy until the commit: shared to read it, exclusively to change it."""
    advisory_lock(LOCK, shared=shared)
