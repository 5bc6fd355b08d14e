"""The switch for notifications on the viewer's devices, on the page of their notices."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest

from accounts import push
from accounts.models import Notice
from console.base.actions import service_action
from console.base.forms import ConsoleForm
from console.viewers import viewer_of
from core.actors import Actor


class BrowserForm(ConsoleForm):
    """What the browser's push service gave out; a script fills it in."""

    endpoint = forms.CharField(max_length=push.ENDPOINT_LIMIT, widget=forms.HiddenInput)
    p256dh = forms.CharField(max_length=100, widget=forms.HiddenInput)
    auth = forms.CharField(max_length=40, widget=forms.HiddenInput)


class PushActions:
    """Turn notifications on devices on and off; mixed into the admin of notices."""

    @service_action(
        path="push",
        title="Turn on notifications on this device",
        permission=push.USE,
        form=BrowserForm,
        on_list=True,
        explain="Use the button on the page of your notices: your browser has to be asked first.",
    )
    def push_on(self, request: HttpRequest, obj: Notice | None, form: ConsoleForm) -> str:
        """Let this browser show the viewer's notices."""
        push.subscribe(actor=viewer_of(request), **form.cleaned_data)
        return "Notifications are on in this browser, also while Walker is closed."

    @service_action(
        path="push-off",
        title="Turn off notifications on all devices",
        permission=push.USE,
        on_list=True,
        explain="Your notices stay in the list. You can turn it on again on each device.",
    )
    def push_off(self, request: HttpRequest, obj: Notice | None, form: ConsoleForm) -> str:
        """Let none of the viewer's browsers show notices."""
        count = push.unsubscribe(actor=viewer_of(request))
        return "Notifications are off on all your devices." if count else "Notifications were off already."


def card_of(viewer: Actor) -> dict[str, Any] | None:
    """Return what the switch shows; None if the installation has no key. One query."""
    if not push.is_set_up():
        return None
    key = push.public_key_of(settings.VAPID_PRIVATE_KEY)
    return {"key": key, "count": push.list_own(viewer=viewer).count()}
