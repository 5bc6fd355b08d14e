"""Connect a Slack workspace, choose where workflows post, and send a test message."""

import re
from collections.abc import Mapping
from typing import ClassVar, Final
from uuid import UUID

from django.db import transaction

from channels_app.approver_channels import addresses
from channels_app.approver_channels.slack import calls, posts, workspaces
from channels_app.approver_channels.slack.notifier import DIRECT
from channels_app.kit import found
from channels_app.kit.connect import CHANGE, OBJECT, Connect
from channels_app.models import SlackMessage, SlackRoute
from conversations.models import ChannelAccount
from conversations.services import accounts
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.db.rows import get_row
from core.errors import Conflict, Invalid
from core.ids import uuid7
from hitl.models import ApprovalWorkflow
from integrations.slack.client import SlackClient
from integrations.slack.errors import describe_error
from integrations.slack.types import Done, SlackOutcome

TEST_TEXT: Final = "This is a test from Walker. The connection works."
_CHANNEL: Final = re.compile(r"[CG][A-Z0-9]{2,20}")
# No direct messages (D…): the gate is asked about members, and couldn't tell whose they are.
_RECIPIENT: Final = re.compile(r"[CGUW][A-Z0-9]{2,20}")
_SIGNING_SECRET: Final = re.compile(r"[A-Za-z0-9]{16,200}")


class SlackConnect(Connect[SlackOutcome]):
    """How workspaces are found, keep their secrets, and are tried out."""

    account: ClassVar[Mapping[str, str]] = {"kind": workspaces.KIND}
    missing: ClassVar[str] = "There is no such Slack workspace."
    secrets: ClassVar[tuple[str, ...]] = ("bot_token", "signing_secret", "secondary_signing_secret")
    tested: ClassVar[str] = "Test message sent. Look into Slack."

    @classmethod
    def try_out(cls, account: ChannelAccount, to: str, *, actor: Actor) -> SlackOutcome:  # noqa: ARG003
        if not _RECIPIENT.fullmatch(to.strip()):
            say = "Enter a channel ID such as C0123456789 or a member ID such as U0123456789."
            raise Invalid("This is neither a channel nor a member.", fields={"to": [say]})
        return calls.send_message(account, to.strip(), text=TEST_TEXT)

    @classmethod
    def failure_of(cls, outcome: SlackOutcome) -> str | None:
        """Return the code of a failure, and None for a success."""
        return None if isinstance(outcome, Done) else outcome.code

    @classmethod
    def note_failure(cls, account: ChannelAccount, outcome: SlackOutcome) -> None:
        posts.note_outcome(account, outcome)

    describe = staticmethod(describe_error)


def connect_slack(
    *, actor: Actor, name: str, channel: str = "", account_id: UUID | None = None, **given: str
) -> ChannelAccount:
    """Connect the tenant's Slack workspace, or change it; empty secrets stay unchanged.

    The bot token is tried: it says which workspace it belongs to. Colleagues link their users again when that
    changes. An actor who sets the secrets could press buttons in anyone's name, so that no button decides a
    request they are part of. Outside call. Needs `channels_app.change_channelaccount`; raises `Invalid` with the field,
    `NotFound`, `Conflict`.
    """
    actor.require(CHANGE)
    before = (
        SlackConnect.find(account_id) if account_id else ChannelAccount.objects.filter(kind=workspaces.KIND).first()
    )
    secrets = SlackConnect.secrets_of(before, given)
    _check(secrets, channel)
    outcome = SlackClient(secrets["bot_token"], account=(before.pk if before else uuid7()).hex).call("auth.test")
    if not isinstance(outcome, Done):
        say = describe_error(outcome.code)
        raise Invalid(say, fields={"bot_token": [say]})
    team = str(outcome.facts.get("team_id") or "")[:40]
    if not team.isalnum():
        raise Invalid("Slack named no workspace for this token.", fields={"bot_token": ["Use the bot token, xoxb-…."]})
    with transaction.atomic():
        # Read again and locked: somebody may have changed a secret while the token was tried.
        kept = SlackConnect.secrets_of(locked(ChannelAccount, before.pk) if before else None, given)
        if kept["bot_token"] != secrets["bot_token"]:
            raise Conflict("Somebody else changed the bot token. Reload the page and try again.", code="changed")
        credentials = {**{one: text for one, text in kept.items() if text}, "team": team, "channel": channel.strip()}
        account = accounts.connect_channel(
            actor=actor,
            kind=workspaces.KIND,
            provider=ChannelAccount.Provider.SLACK,
            name=name,
            address=team,
            provider_account=workspaces.KIND,
            credentials=credentials,
            account_id=before.pk if before else None,
        )
        if before is not None and secrets["bot_token"] != (before.credentials or {}).get("bot_token"):
            posts.update_soon(account)
        if before is not None and before.address != team:
            count = addresses.forget_all(account)
            SlackMessage.objects.filter(channel_account=account).update(is_settled=True)
            chain.record(actor, "SLACK_WORKSPACE_CHANGED", OBJECT, account.pk, facts={"unlinked": count})
    found.forget()
    return account


def _check(secrets: dict[str, str], channel: str) -> None:
    wrong = {}
    if not (secrets["bot_token"].startswith("xoxb-") and secrets["bot_token"].isascii()):
        wrong["bot_token"] = ["Copy the Bot User OAuth Token. It begins with xoxb-."]
    for one in SlackConnect.secrets[1:]:
        if (secrets[one] or one == "signing_secret") and not _SIGNING_SECRET.fullmatch(secrets[one]):
            wrong[one] = ["Copy the signing secret from the app's Basic Information."]
    if channel.strip() and not _CHANNEL.fullmatch(channel.strip()):
        wrong["channel"] = ["Enter a channel ID such as C0123456789, or leave it empty for direct messages."]
    if wrong:
        raise Invalid("These settings of Slack aren't valid.", fields=wrong)


def set_route(*, actor: Actor, account_id: UUID, workflow_id: UUID, channel: str) -> str:
    """Choose where a workflow posts: a channel ID, "direct" or "". Needs `CHANGE`; raises `Invalid`, `NotFound`."""
    actor.require(CHANGE)
    account = SlackConnect.find(account_id)
    wanted = channel.strip()
    if wanted and wanted != DIRECT and not _CHANNEL.fullmatch(wanted):
        say = "Enter a channel ID such as C0123456789, “direct” for direct messages, or nothing for the default."
        raise Invalid("This isn't a channel ID.", fields={"channel": [say]})
    workflow = get_row(ApprovalWorkflow, workflow_id, "There is no such workflow.")
    with transaction.atomic():
        rows = SlackRoute.objects.filter(workflow=workflow)
        if wanted:
            SlackRoute.objects.update_or_create(workflow=workflow, defaults={"channel": wanted})
        else:
            rows.delete()
        facts = {"workflow": str(workflow.pk), "channel": wanted}
        chain.record(actor, "SLACK_ROUTE_SET", OBJECT, account.pk, facts=facts)
    return f"Saved where “{workflow.name}” posts."
