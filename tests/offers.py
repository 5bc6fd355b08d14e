"""What the product and the demo's platform offer, whatever other platforms are registered beside them."""

from typing import Final

from agents.answering.tools import registry as tools
from agents.answering.tools.tickets import TicketReading
from agents.answering.tools.transactions import TransactionTool
from analytics.brief.choices import OWN
from integrations import platforms

DEMO: Final = "sandbox_ads"


def tool_keys() -> list[str]:
    """Return the keys of our own tools and the demo's in order: another platform's stand in its own tests."""
    others = [platforms.get(key) for key in platforms.keys() if key != DEMO]  # noqa: SIM118  (a registry)
    theirs = {kind.key for other in others for kind in other.kinds}
    theirs |= {lookup.key for other in others for lookup in other.lookups}
    theirs |= {key for key in tools.keys() if isinstance(tools.get(key), TicketReading | TransactionTool)}  # noqa: SIM118  (a registry)
    return [key for key in tools.keys() if key not in theirs]  # noqa: SIM118  (a registry)


def section_keys() -> tuple[str, ...]:
    """Return the keys of our own sections of the brief and the demo's in the default order."""
    return (*OWN, *(section.key for platform, section in platforms.sections() if platform.key == DEMO))
