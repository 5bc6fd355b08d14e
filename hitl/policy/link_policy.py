"""The setting of email approvals, by the installation and by the tenant."""

from dataclasses import dataclass
from typing import Final, Literal

from django.conf import settings

from core.db.locks import advisory_lock
from hitl.models import LinkPolicy

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


def current() -> Standing:
    """Return the settings for the tenant in scope. One query."""
    last = LinkPolicy.objects.select_related("made_by").order_by("-version").first()
    allowed = bool(settings.DECISION_LINKS)
    return Standing(0, True, allowed) if last is None else Standing(last.version, last.is_on, allowed, last)


def hold(*, shared: bool = False) -> None:
    """Lock the policy until the commit: shared to read it, exclusively to change it."""
    advisory_lock(LOCK, shared=shared)
