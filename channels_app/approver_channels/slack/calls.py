"""Post a message in an organisation's Slack workspace."""

from typing import Any, Final
from uuid import UUID

from accounts.models import User
from channels_app.approver_channels.slack import workspaces
from conversations.models import ChannelAccount
from core.models import Consent
from core.reach import ledger
from integrations.slack import posts
from integrations.slack.types import SlackOutcome

MEMBERS: Final = ("U", "W")
"""How Slack's ids of members begin. Other ids are channels, which are the organisation's own."""


def send_message(
    account: ChannelAccount,
    to: str,
    *,
    person_id: UUID | None = None,
    purpose: str = Consent.Purpose.NOTICE,
    **body: Any,
) -> SlackOutcome:
    """Post to a channel or member; outside call. Asks the gate, about a member's email too. Raises `NotReachable`."""
    also = []
    if person_id is not None and to.startswith(MEMBERS):
        also.append(ledger.index_of_mail(User.objects.values_list("email", flat=True).get(pk=person_id)))
    return posts.post_message(workspaces.LoggedClient(account), to, also=also, purpose=purpose, **body)
