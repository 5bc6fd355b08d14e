"""The Django signals of announcements, for apps above the sender; the relay sends them."""

from typing import Final

from django.dispatch import Signal

message_received: Final = Signal()
message_failed: Final = Signal()
approval_opened: Final = Signal()
approval_asks: Final = Signal()
approval_closed: Final = Signal()
approval_drifted: Final = Signal()
"""What an approval rested on changed, so that it is decided again."""
action_finished: Final = Signal()
member_invited: Final = Signal()
password_reset_asked: Final = Signal()
password_changed: Final = Signal()
rights_changed: Final = Signal()
"""The role, membership or approver groups of the person `ref` changed."""
notice_alerted: Final = Signal()

BY_NAME: Final[dict[str, Signal]] = {
    "message_received": message_received,
    "message_failed": message_failed,
    "approval_opened": approval_opened,
    "approval_asks": approval_asks,
    "approval_closed": approval_closed,
    "approval_drifted": approval_drifted,
    "action_finished": action_finished,
    "member_invited": member_invited,
    "password_reset_asked": password_reset_asked,
    "password_changed": password_changed,
    "rights_changed": rights_changed,
    "notice_alerted": notice_alerted,
}
