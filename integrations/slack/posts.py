"""Post a message in Slack: the only place that does, because it asks the gate about every receiver."""

from collections.abc import Collection
from typing import Any, Final

from core.models import Consent
from core.reach import gate, ledger
from core.reach.verdict import ChannelRules, Question
from integrations.slack.client import SlackClient
from integrations.slack.types import SlackOutcome

RULES: Final = ChannelRules("slack")


def post_message(
    client: SlackClient, to: str, *, also: Collection[str] = (), purpose: str = Consent.Purpose.NOTICE, **body: Any
) -> SlackOutcome:
    """Post to a channel or member; an outside call. Asks the gate about all that names them. Raises `NotReachable`."""
    found = gate.judge(Question(RULES, purpose), [index_of(to), *also])
    refused = next((one for one in found.verdicts.values() if not one.may_leave), None)
    if refused is not None:
        raise gate.refusal(refused.reason)
    return client.call("chat.postMessage", channel=to, **body)


def index_of(receiver: str) -> str:
    """Return the blind index of a Slack member or channel in the consent ledger."""
    return ledger.index_of(f"slack:{receiver}")
