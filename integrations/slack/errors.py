"""Slack's error codes: a sentence for people, and whether a retry can help."""

from typing import Final

_TOKEN: Final = "Slack no longer accepts the bot token. Install the app in Slack again and enter its new token."  # noqa: S105
_CHANNEL: Final = "Slack doesn't know this channel, or the app is not in it. Invite the app to the channel."
_BUSY: Final = "Slack asks for fewer messages for now."
_DOWN: Final = "Slack had a problem."
RETRIED: Final = frozenset(
    {
        *("ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"),
        *("unavailable", "not_reachable"),
    }
)
"""Codes after which another attempt may work."""
WORDS: Final = {
    **dict.fromkeys(
        ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "no_credentials"), _TOKEN
    ),
    **dict.fromkeys(("channel_not_found", "not_in_channel", "is_archived", "restricted_action"), _CHANNEL),
    **dict.fromkeys(("ratelimited", "rate_limited"), _BUSY),
    **dict.fromkeys(("internal_error", "fatal_error", "service_unavailable", "request_timeout"), _DOWN),
    "missing_scope": "The app may not do this. Add the scopes that the set-up names and install it again.",
    "user_not_found": "Slack doesn't know this user.",
    "cannot_dm_bot": "This is a bot. Enter your own member ID.",
    "message_not_found": "The message was deleted in Slack.",
    "expired_trigger_id": "Slack gave up waiting. Press the button again.",
    "exchanged_trigger_id": "This button press was already answered.",
    "other_workspace": "The request came from another Slack workspace.",
    "timed_out": "Slack didn't answer in time.",
    "connection_lost": "The connection to Slack broke.",
    "not_reachable": "Slack can't be reached.",
    "unavailable": "Slack failed several times. Walker tries again in a moment.",
    "egress_refused": "The address of Slack's API isn't allowed.",
}


def describe_error(code: str) -> str:
    """Return a sentence for a code; unknown ones are named."""
    if not code:
        return ""
    return WORDS.get(code, f"Slack refused it ({code[:60]}).")
