"""The Slack channel of notifications: a direct message, or a post in the channel of the workflow."""

from typing import ClassVar, Final
from uuid import UUID

from channels_app.approver_channels.slack import people, posts, workspaces
from channels_app.approver_channels.whatsapp.notifier import OPTED_OUT, REFUSED, send_mail_instead, skip
from channels_app.models import SlackRoute
from conversations.models import ChannelAccount
from core.reach.gate import NotReachable
from hitl.models import Notification
from hitl.notification_channels import ASKS, Delivery, Notifier
from hitl.services import why_unneeded

CHANNEL: Final = "slack"
NOT_CONNECTED: Final = "Slack is not connected."
PAUSED: Final = "Slack is paused."
NOT_LINKED: Final = "This person hasn't linked their Slack user."


class SlackNotifier(Notifier):
    """Notifies approvers and requesters in Slack, and by email while it is paused."""

    label: ClassVar[str] = "Slack"
    has_buttons: ClassVar[bool] = True

    def notify(self, notification_id: UUID) -> Delivery:
        """Post the message once; those who share a channel share its post."""
        row = Notification.objects.select_related("approval__requester", "recipient").get(pk=notification_id)
        reason = why_unneeded([row]).get(row.pk, "")
        if reason:
            return skip(row, reason)
        account = workspaces.own_workspace()
        if account is None:
            is_paused = workspaces.is_paused()
            return send_mail_instead(row, PAUSED) if is_paused else skip(row, NOT_CONNECTED)
        target = _target(account, row)
        if target is None:
            return skip(row, NOT_LINKED)
        try:
            return posts.post(account, row, target)
        except NotReachable as refused:
            return skip(row, REFUSED.get(refused.code, OPTED_OUT))


def _target(account: ChannelAccount, row: Notification) -> posts.Target | None:
    """Return where a notification goes; None if the person can't be reached."""
    channel = ""
    if row.template in ASKS:
        own = SlackRoute.objects.filter(workflow_id=row.approval.workflow_id).values_list("channel", flat=True).first()
        channel = own if own is not None else str((account.credentials or {}).get("channel") or "")
    if channel and channel != DIRECT:
        return posts.channel_target(row, channel)
    user = people.slack_user_of(account, row.recipient_id)
    return posts.direct_target(row, user) if user else None


DIRECT: Final = "direct"
"""The choice of direct messages where the workspace has a channel."""
