"""The console page of one's own notification settings."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import model_to_dict
from django.http import HttpRequest

from accounts.notices import USE
from accounts.selectors import zone_of
from console.base.actions import ServiceAction
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.navigation import YOURS, Nav
from console.time_zones import PROFILE, zone_choices
from console.viewers import viewer_of
from hitl.models import NotificationPreference
from hitl.notification_channels import channels
from hitl.notifications.delivery_words import held_words
from hitl.notifications.preferences import (
    MOST_PER_HOUR,
    Wanted,
    list_own_waiting,
    own_settings,
    set_notification_preference,
)

SHOWN: Final = 20


def _time(label: str, **options: Any) -> forms.TimeField:
    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    return forms.TimeField(label=label, widget=widget, **options)


class NotificationForm(ConsoleForm):
    """Channels, quiet hours, the digest and the limit per hour."""

    channels_on = forms.MultipleChoiceField(
        label="Notify me by",
        required=False,
        choices=channels,
        widget=forms.CheckboxSelectMultiple,
        help_text="You'll always find everything in the console, too.",
    )
    quiet_from = _time(
        "Quiet hours from",
        required=False,
        help_text="Nothing is sent in these hours, except about critical risk. Leave both times empty for none.",
    )
    quiet_until = _time("Quiet hours until", required=False, help_text="What waited is sent then, as one email.")
    zone = forms.ChoiceField(label="Time zone", choices=lambda: [PROFILE, *zone_choices()], required=False)
    language = forms.CharField(
        label="Language (optional)",
        required=False,
        max_length=11,
        help_text="A tag such as de or pt-BR, where it isn't that of your profile. Used where your organisation has "
        "written its messages in it.",
    )
    gather = forms.ChoiceField(
        label="Gather in a digest",
        choices=NotificationPreference.Gather.choices,
        help_text="High and critical risk, alerts and reminders of overdue requests are never gathered.",
    )
    every = forms.ChoiceField(label="Send the digest", choices=NotificationPreference.Every.choices)
    at = _time("Time of a daily digest")
    per_hour = forms.IntegerField(
        label="At most per hour",
        min_value=1,
        max_value=MOST_PER_HOUR,
        help_text=(
            "What is more waits for the next digest. Critical risk, alerts and reminders of overdue requests don't."
        ),
    )


@admin.register(NotificationPreference)
class NotificationPreferenceAdmin(ServiceAdmin):
    view_permission = USE
    nav = Nav("My notifications", "sliders", YOURS, order=20)
    intro = "How Walker reaches you when a request needs you. Only you see and change this."
    change_list_template = "console/my_notifications.html"
    list_display = ("id",)
    ordering = ("id",)
    detail_fields = ("quiet_from", "quiet_until", "zone", "gather", "every", "at", "per_hour", "changed_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[NotificationPreference]:
        return NotificationPreference.objects.filter(person_id=viewer_of(request).user_id)

    def object_title(self, row: NotificationPreference) -> str:
        return "My notifications"

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        viewer = viewer_of(request)
        own = own_settings(viewer=viewer)
        waiting = list_own_waiting(viewer=viewer, limit=SHOWN + 1)
        zone = own.row.zone or zone_of(own.row.person_id).key
        return {
            "own": own,
            "zone": zone.replace("_", " "),
            "channels": [(label, name in own.channels_on) for name, label in channels()],
            "waiting": [{"row": row, "why": held_words(row)} for row in waiting[:SHOWN]],
            "has_more": len(waiting) > SHOWN,
            "offered": self.offered(request, None, on_list=True),
        }

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        own = own_settings(viewer=viewer_of(request))
        return {**model_to_dict(own.row), "channels_on": list(own.channels_on)}

    settings = calls(
        set_notification_preference,
        title="Notification settings",
        permission=USE,
        form=NotificationForm,
        submit="Save",
        tone="primary",
        explain="These settings are yours, in this organisation. What already waits keeps its time.",
        values=lambda form: {"wanted": Wanted(**form.cleaned_data)},
        done="Saved.",
    )
