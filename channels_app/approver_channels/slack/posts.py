"""Post messages about requests, once each, and update them when their request moves on."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from channels_app.approver_channels.slack import calls, messages, workspaces
from channels_app.models import SlackMessage
from conversations.models import ChannelAccount
from conversations.services import accounts
from core.clock import now as clock_now
from core.observability.logging import get_logger
from core.reach.gate import NotReachable
from core.tenancy.scope import platform_scope
from hitl.models import Approval, Notification
from hitl.notification_channels import Delivery
from hitl.services import own_text
from integrations.outcomes import Failed
from integrations.slack.errors import describe_error
from integrations.slack.types import Done, SlackOutcome

log = get_logger(__name__)
PROVIDER: Final = "slack"
LEASE: Final = timedelta(seconds=60)
LONGEST_PAUSE: Final = 3600
ATTEMPTS: Final = 10 + 7 * 24
"""Ten attempts within two hours, then one an hour for a week: a token may have expired, or Slack be down."""
GONE: Final = frozenset({"message_not_found", "channel_not_found", "cant_update_message", "edit_window_closed"})
"""Errors after which a message is left as it is."""


class Target(NamedTuple):
    """Where a message goes, and its key: one message per key."""

    channel: str
    key: str
    person_id: UUID | None


def direct_target(row: Notification, user: str) -> Target:
    """Return the direct message of a notification's person."""
    return Target(user, f"direct:{row.pk.hex}", row.recipient_id)


def channel_target(row: Notification, channel: str) -> Target:
    """Return the post in a channel that all who are asked share."""
    parts = (row.approval_id.hex, row.revision, row.level, row.template, row.reminder_number)
    return Target(channel, ":".join(["channel", *map(str, parts)]), None)


def _notification_of(message: SlackMessage) -> Notification | None:
    """Return the notification that a message was posted for, as its key says; None if it is gone."""
    kind, *parts = message.key.split(":")
    rows: QuerySet[Notification] = Notification.objects.filter(approval_id=message.approval_id)
    if kind == "direct":
        return rows.filter(pk=parts[0]).first()
    revision, level, template, number = parts[1:]
    shared = rows.filter(revision=revision, level=level, template=template, reminder_number=number, channel=PROVIDER)
    return shared.order_by("id").first()


def post(account: ChannelAccount, row: Notification, target: Target, *, now: datetime | None = None) -> Delivery:
    """Post the message of a notification, unless its key was posted; outside call. Raises `NotReachable`."""
    moment = now or clock_now()
    message = _claim(account, row, target, moment)
    if message is None:
        return Delivery(sent=False, provider=PROVIDER, error="Another worker is posting this.", retry=True)
    if message.ts:
        return Delivery(sent=True, provider=PROVIDER, provider_message_id=message.ts)
    approval, shown = row.approval, row.approval.version
    body = _body_of(message, approval, row, account)
    try:
        outcome = calls.send_message(
            account, target.channel, person_id=target.person_id, unfurl_links=False, unfurl_media=False, **body
        )
    except NotReachable:
        _free(message)
        raise
    note_outcome(account, outcome)
    if not isinstance(outcome, Done):
        _free(message)
        # Without an answer the message may be there: two are better than none.
        may_work, pause = (
            (not outcome.permanent, outcome.retry_after or 0) if isinstance(outcome, Failed) else (True, 0)
        )
        say = describe_error(outcome.code)
        return Delivery(sent=False, provider=PROVIDER, error=say, retry=may_work, retry_after=pause)
    ts = str(outcome.facts.get("ts") or "")[:40]
    place = str(outcome.facts.get("channel") or target.channel)[:40]
    SlackMessage.objects.filter(pk=message.pk).update(place=place, ts=ts, shown_version=shown, due_at=moment)
    return Delivery(sent=True, provider=PROVIDER, provider_message_id=ts)


def _body_of(
    message: SlackMessage, approval: Approval, row: Notification | None, account: ChannelAccount
) -> messages.Block:
    """Return the message of a notification as its request is now; without one, in the built-in words."""
    is_reminder = row is not None and row.is_reminder
    template = "approval_reminder" if is_reminder else message.template
    own = None
    if row is not None:
        is_shared = message.person_id is None
        own = own_text(template=template, approval=approval, person_id=row.recipient_id, is_shared=is_shared)
    return messages.render(
        approval,
        template=message.template,
        person_id=message.person_id,
        own=own.body if own else "",
        is_reminder=is_reminder,
        forgers=account.keepers,
    )


def _claim(account: ChannelAccount, row: Notification, target: Target, moment: datetime) -> SlackMessage | None:
    """Return the message of a key: new, posted, or taken over; None while another worker posts it."""
    until = moment + LEASE
    try:
        with transaction.atomic():
            made: SlackMessage = SlackMessage.objects.create(
                channel_account=account,
                approval_id=row.approval_id,
                key=target.key,
                person_id=target.person_id,
                template=row.template,
                due_at=until,
            )
            return made
    except IntegrityError:
        pass
    same: QuerySet[SlackMessage] = SlackMessage.objects.filter(key=target.key)
    if same.filter(ts="", due_at__lte=moment).update(due_at=until):
        return same.first()
    return same.exclude(ts="").first()


def _free(message: SlackMessage) -> None:
    SlackMessage.objects.filter(pk=message.pk, ts="").update(due_at=clock_now())


def note_outcome(account: ChannelAccount, outcome: SlackOutcome) -> None:
    """Show the last error of the workspace on its page, until something works again."""
    if isinstance(outcome, Done):
        accounts.clear_trouble(account_id=account.pk)
    elif not isinstance(outcome, Failed) or not outcome.code.startswith(("message_", "expired_", "exchanged_")):
        accounts.note_trouble(account_id=account.pk, code=outcome.code)


def list_outdated(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, message) of those whose request has moved on since. For the sweep; one query."""
    with platform_scope():
        rows = SlackMessage.objects.filter(is_settled=False, due_at__lte=now or clock_now()).exclude(ts="")
        rows = rows.filter(channel_account__paused_at=None)
        late = rows.exclude(shown_version=F("approval__version")).order_by("due_at")
        return list(late.values_list("tenant_id", "pk")[:100])


def update(message_id: UUID, *, now: datetime | None = None) -> bool:
    """Show a message's request as it is now; without buttons once they decide nothing. Outside call, safe to repeat."""
    moment = now or clock_now()
    rows = SlackMessage.objects.filter(pk=message_id, is_settled=False, channel_account__paused_at=None)
    if not rows.filter(due_at__lte=moment).update(due_at=moment + LEASE, attempts=F("attempts") + 1):
        return False
    message = rows.select_related("approval__requester", "channel_account").first()
    if message is None or not message.ts:
        return False
    account, approval = message.channel_account, message.approval
    shown = {"shown_version": approval.version, "is_settled": not approval.is_open, "attempts": 0, "due_at": moment}
    if not account.is_active:
        rows.update(is_settled=True)
        return False
    body = _body_of(message, approval, _notification_of(message), account)
    outcome = workspaces.LoggedClient(account).call("chat.update", channel=message.place, ts=message.ts, **body)
    note_outcome(account, outcome)
    if isinstance(outcome, Done):
        rows.update(**shown)
        return True
    if outcome.code in GONE or message.attempts >= ATTEMPTS:
        log.warning("slack_message_not_updated", message=str(message.pk), code=outcome.code)
        rows.update(is_settled=True)
        return False
    pause = max(5 * 2 ** min(message.attempts, 10), outcome.retry_after or 0 if isinstance(outcome, Failed) else 0)
    rows.update(due_at=moment + timedelta(seconds=min(pause, LONGEST_PAUSE)))
    return False


def update_soon(account: ChannelAccount) -> None:
    """Let the sweep show every open message again: what Slack refused may work now."""
    SlackMessage.objects.filter(channel_account=account, is_settled=False).exclude(ts="").update(
        due_at=clock_now(), attempts=0
    )


def update_all_of(approval_id: UUID) -> None:
    """Update every message about a request; outside calls."""
    rows = SlackMessage.objects.filter(approval_id=approval_id, is_settled=False).exclude(ts="")
    for key in rows.order_by("id").values_list("pk", flat=True):
        update(key)
