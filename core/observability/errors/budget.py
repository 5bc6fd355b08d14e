"""How many errors a process sends: an error in a loop is sent now and then, and counted in between."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

AGAIN_AFTER: Final = 60.0
"""Seconds after which an error that was sent is sent again, with how often it came meanwhile."""
AT_MOST: Final = 30
"""Errors of all kinds that one budget lets through in a minute."""
KEPT: Final = 500
"""Kinds of errors that a budget remembers. The one that came last the longest ago is forgotten."""
MINUTE: Final = 60.0


@dataclass(slots=True)
class _Kind:
    sent_at: float
    held_back: int = 0


@dataclass(slots=True)
class Budget:
    """Which errors are sent. Not for several threads at once."""

    kinds: OrderedDict[str, _Kind] = field(default_factory=OrderedDict)
    since: float = float("-inf")
    sent: int = 0

    def take(self, fingerprint: str, moment: float) -> int | None:
        """Return how many errors of a kind were held back since the last one; None holds this one back too."""
        kind = self.kinds.get(fingerprint)
        if moment - self.since >= MINUTE:
            self.since, self.sent = moment, 0
        is_due = kind is None or moment - kind.sent_at >= AGAIN_AFTER
        if kind is None:
            kind = self.kinds[fingerprint] = _Kind(float("-inf"))
            if len(self.kinds) > KEPT:
                self.kinds.popitem(last=False)
        self.kinds.move_to_end(fingerprint)
        if not is_due or self.sent >= AT_MOST:
            kind.held_back += 1
            return None
        held_back, kind.held_back, kind.sent_at = kind.held_back, 0, moment
        self.sent += 1
        return held_back
