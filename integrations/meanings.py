"""What providers' error codes mean: a sentence, who can fix it, whether a retry can help, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

AtFault = Literal["recipient", "channel", "content", "provider", "window"]

ADVICE: Final[Mapping[AtFault, str]] = {
    "recipient": "Check the number, or contact the customer another way.",
    "channel": "Correct the channel's settings, then send the message again.",
    "content": "Change the text or the file and send it as a new message.",
    "provider": "There is nothing to correct. Send it again in a few minutes.",
    "window": "Wait until the customer writes, or set a template on the channel.",
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """One error in words; `at_fault` says who can fix it, `permanent` that a retry can't help."""

    words: str
    at_fault: AtFault
    permanent: bool = True
    own_advice: str = ""

    @property
    def advice(self) -> str:
        """Return what to do about it."""
        return self.own_advice or ADVICE[self.at_fault]


SLOW: Final = Meaning("Too many messages in a short time.", "provider", permanent=False)


def find_meaning(
    meanings: Mapping[str, Meaning], code: str, *, status: int, trouble: Meaning, unknown: Meaning
) -> Meaning:
    """Return the meaning of a code; for one that isn't listed the HTTP status decides whether a retry can help."""
    if code in meanings:
        return meanings[code]
    if status == 429:
        return SLOW
    return trouble if status >= 500 else unknown
