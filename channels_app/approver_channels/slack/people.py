"""Link one's own Slack user: named in the console, proven with a code in a direct message."""

import re
from typing import Final
from uuid import UUID

from accounts.models import User
from channels_app.approver_channels import addresses
from channels_app.approver_channels.slack import calls, messages, posts, workspaces
from conversations.models import ChannelAccount
from core.actors import Actor
from core.errors import Invalid, Unavailable
from core.models import Consent
from integrations.slack.errors import describe_error
from integrations.slack.types import Done

_MEMBER_ID: Final = re.compile(r"[UW][A-Z0-9]{2,20}")


def send_code(*, actor: Actor, member_id: str) -> str:
    """Send a code to an actor's Slack user; an outside call. Raises as `request_code`, Invalid, Unavailable."""
    account = _workspace()
    wanted = member_id.strip().upper()
    if not _MEMBER_ID.fullmatch(wanted):
        say = "Copy your member ID from your Slack profile. It begins with U or W."
        raise Invalid("This isn't a member ID.", fields={"member_id": [say]})
    found = addresses.request_code(actor=actor, account=account, address=wanted)
    code = f"{found.code[:4]} {found.code[4:]}"
    text = (
        f"Your code for Walker is {code}. Enter it in Walker within ten minutes to link your Slack user. "
        "If you didn't ask for it, ignore this message and tell nobody the code."
    )
    said = messages.escape(text)
    outcome = calls.send_message(account, wanted, purpose=Consent.Purpose.ACCOUNT, text=said)
    posts.note_outcome(account, outcome)
    if not isinstance(outcome, Done):
        say = describe_error(outcome.code)
        raise Invalid(say, fields={"member_id": [say]})
    return "Code sent. Look for a direct message from Walker in Slack."


def link(*, actor: Actor, code: str) -> None:
    """Link the Slack user that the code was sent to. Raises what `confirm_code` raises, and Unavailable."""
    addresses.confirm_code(actor=actor, account=_workspace(), code=code)


def unlink(*, actor: Actor) -> None:
    """Unlink the actor's own Slack user. Raises what `addresses.unlink` raises, and Unavailable."""
    addresses.unlink(actor=actor, account=_workspace())


def slack_user_of(account: ChannelAccount, person_id: UUID) -> str:
    """Return the Slack user of a colleague, "" without one."""
    return addresses.address_of(account, person_id)


def colleague_of(account: ChannelAccount, slack_user: str) -> User | None:
    """Return the colleague who linked a Slack user, or None."""
    return addresses.person_of(account, slack_user)


def _workspace() -> ChannelAccount:
    account = workspaces.own_workspace()
    if account is None:
        raise Unavailable("Slack is not connected, or paused. Ask an administrator.", code="not_connected")
    return account
