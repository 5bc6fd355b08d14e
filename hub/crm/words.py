"""Why a contact or a note isn't at a CRM, in words."""

from collections.abc import Mapping
from typing import Final

from hub.crm.disclosures import WHY
from integrations.crm.types import FIELDS, NO_RIGHT, REFUSED, SEVERAL

FAILED: Final = "failed"
STOPPED: Final = "stopped"
OTHER_ACCOUNT: Final = "other_account"
LATER: Final[Mapping[str, str]] = {
    FAILED: "The system didn't answer as expected. Walker tries again.",
    "timed_out": "The system took too long to answer. Walker tries again.",
    "connection_lost": "The line broke before an answer came. Walker tries again.",
    "breaker_open": "The system failed several times in a row. Walker tries again in a minute.",
    "calls_paused": "Somebody paused calls over this connection.",
    STOPPED: "An emergency stop covers this connection. Walker goes on when it is released.",
    "quota_spent": "The limit of calls is reached. Walker goes on by itself.",
    "rate_limited": "The system wants fewer calls. Walker goes on by itself.",
    "expired": "The connection has expired. Reconnect it.",
    OTHER_ACCOUNT: "Walker's id isn't there, but the connection was made again since. If it reaches another account "
    "now, delete them in the old one. Walker looks again every day.",
    "not_connected": "The connection isn't active. Reconnect it.",
}
"""What is tried again."""
PARKED: Final[Mapping[str, str]] = {
    REFUSED: "The system refuses it.",
    SEVERAL: "Several contacts there have Walker's id. Merge them there, then try again.",
    NO_RIGHT: "Walker's access there doesn't allow this. Give it the missing scope or permission, then try again.",
}
DELETED, MERGED_THERE = "deleted_there", "merged_there"
AWAY: Final[Mapping[str, str]] = {
    DELETED: "Somebody deleted them there. Walker leaves it so unless you send them again.",
    MERGED_THERE: "Somebody merged them into another contact there. Walker leaves it so unless you send them again.",
}
"""What somebody did there, which Walker doesn't undo by itself."""
ENDLESS: Final = "endless_pages"
OFF: Final = "switched_off"
_ALL: Final = {
    **WHY,
    **LATER,
    **PARKED,
    **AWAY,
    OFF: "Sending was off.",
    ENDLESS: "The system returned the same page again and again, so reading was paused. Resume it to try again.",
}


def describe(problem: str, fields: str = "") -> str:
    """Return the sentence for a code, with the names of the fields that are refused; "" for none."""
    if not problem:
        return ""
    named = ", ".join(FIELDS[name] for name in fields.split(",") if name in FIELDS)
    words = _ALL.get(problem, _ALL[FAILED])
    if problem == REFUSED and named == FIELDS["email"]:
        return "Another contact there may have this email address, or it isn't valid: Email."
    return f"{words} It names: {named}." if named else words
