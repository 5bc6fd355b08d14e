"""What the console says about who can be written to: blocks of an address, and the line above the reply box."""

from collections.abc import Sequence
from typing import Final

from conversations.models import ChannelAccount
from core.reach.verdict import ANY, STOPPABLE, Entry, has_objected, is_blocked, latest

KINDS: Final = dict(ChannelAccount.Kind.choices)


def blocks_of(entries: Sequence[Entry]) -> list[str]:
    """Return why an address can't be written to, in words."""
    found = ["Blocked by a colleague"] if is_blocked(entries, ANY) else []
    for channel in sorted({entry.channel for entry in entries}):
        name = "every channel" if channel == ANY else KINDS.get(channel, channel)
        objected = [purpose for purpose in STOPPABLE if has_objected(entries, channel, purpose)]
        if len(objected) == len(STOPPABLE):
            found.append(f"Opted out of {name}")
        elif objected:
            found.append(f"Opted out of {' and '.join(objected)} on {name}")
        if latest(entries, (channel,), ("unreachable",)) is not None:
            found.append(f"Not reachable on {name}")
    return found
