"""Say in words why a message wasn't delivered and what to do about it (pure)."""

from dataclasses import dataclass
from typing import Final

ANOTHER_WAY: Final = "Contact the customer another way."
AGAIN: Final = "Send it again in a few minutes."


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a message failed, what to do, and the provider's page about it ("" for none)."""

    reason: str
    advice: str
    url: str = ""


_CUT_OFF: Final = Explanation("Walker was interrupted while it sent this message.", AGAIN)
COMMON: Final[dict[str, Explanation]] = {
    "opted_out": Explanation(
        "The customer doesn't want messages on this channel.",
        f"Only the customer can change that, by writing START. {ANOTHER_WAY}",
    ),
    "unreachable": Explanation(
        "The provider can't reach the customer on this channel.",
        f"Messages are sent again once the customer writes. {ANOTHER_WAY}",
    ),
    "no_address": Explanation("The contact has no address on this channel.", ANOTHER_WAY),
    "window_closed": Explanation(
        "The customer hasn't written for 24 hours, and this number has no template.",
        f"Wait until the customer writes, or set a template on the channel. {ANOTHER_WAY}",
    ),
    "blocked": Explanation("A colleague blocked this contact.", "Unblock the contact, then send the message again."),
    "no_consent": Explanation("The customer hasn't agreed to messages like this one.", "Ask for their consent first."),
    "limit": Explanation("The customer got as many messages as your limits allow.", "Send it again tomorrow."),
    "erased": Explanation("The contact was erased.", "There is nothing to do."),
    "cut_off": _CUT_OFF,
    "timed_out": Explanation("The provider didn't answer in time.", AGAIN),
    "not_reachable": Explanation("The provider can't be reached.", AGAIN),
}
_UNKNOWN: Final = Explanation("The provider didn't deliver this message.", f"{AGAIN} {ANOTHER_WAY}")


def explain_common(code: str) -> Explanation:
    """Return the explanation of a code that doesn't belong to one provider."""
    return COMMON.get(code, _UNKNOWN)
