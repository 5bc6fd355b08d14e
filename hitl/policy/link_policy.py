"""Whether links may decide for a tenant: the installation allows it, and the tenant has not switched it off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from django.conf import settings

from core.db.locks import advisory_lock
from hitl.models import LinkPolicy

LOCK: Final = "link policy"
Off = Literal["", "off", "off_here"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds now: the tenant's own choice with its version (0: it never chose), and the installation's."""

    version: int
    is_on_here: bool
    is_on_everywhere: bool
    last: LinkPolicy | None = None

    @property
    def why_off(self) -> Off:
        """Return who has switched links off: "off" for the installation, "off_here" for the tenant; empty if nobody."""
        if not self.is_on_everywhere:
            return "off"
        return "" if self.is_on_here else "off_here"


def current() -> Standing:
    """Return what holds for the tenant in scope. One query."""
    last = LinkPolicy.objects.select_related("made_by").order_by("-version").first()
    allowed = bool(settings.DECISION_LINKS)
    return Standing(0, True, allowed) if last is None else Standing(last.version, last.is_on, allowed, last)


def hold(*, shared: bool = False) -> None:
    """Keep the policy as it is until the commit; whoever changes it does not share."""
    advisory_lock(LOCK, shared=shared)
