"""Post a message in Slack: the only place that does, because it asks the gate about every person."""

from typing import Any, Final
from uuid import UUID

from accounts.models import User
from channels_app.slack import workspaces
from conversations.models import ChannelAccount
from core.models import Consent
from core.reach import gate, ledger
from core.reach.verdict import ChannelRules, Question
from integrations.slack.types import Outcome

RULES: Final = ChannelRules("slack")
MEMBERS: Final = ("U", "W")
"""How Slack's ids of members begin. Other ids are channels, which are the organisation's own."""


def send_message(
    account: ChannelAccount,
    to: str,
    *,
    person_id: UUID | None = None,
    purpose: str = Consent.Purpose.NOTICE,
    **body: Any,
) -> Outcome:
    """Post to a channel, or to a member in a direct message; outside call.

    Asks the gate about the member, and about the email address of the colleague that they are: an opt-out from every
    channel is recorded there. Raises `gate.NotReachable`.
    """
    if to.startswith(MEMBERS):
        indexes = [index_of_member(to)]
        if person_id is not None:
            indexes.append(ledger.index_of_mail(User.objects.values_list("email", flat=True).get(pk=person_id)))
        found = gate.judge(Question(RULES, purpose), indexes)
        refused = next((one for one in found.verdicts.values() if not one.may_leave), None)
        if refused is not None:
            raise gate.refusal(refused.reason)
    return workspaces.client_of(account).call("chat.postMessage", channel=to, **body)


def index_of_member(member: str) -> str:
    """Return the blind index of a Slack member in the consent ledger."""
    return ledger.index_of(f"slack:{member}")
