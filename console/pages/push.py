"""The switch for notifications on the viewer's devices, on the page of their notices."""

from typing import Any

from django import forms
from django.conf import settings

from accounts import push
from console.base.crud import calls
from console.base.forms import ConsoleForm
from core.actors import Actor


class BrowserForm(ConsoleForm):
    """What the browser's push service gave out; a script fills it in."""

    endpoint = forms.CharField(max_length=push.ENDPOINT_LIMIT, widget=forms.HiddenInput)
    p256dh = forms.CharField(max_length=100, widget=forms.HiddenInput)
    auth = forms.CharField(max_length=40, widget=forms.HiddenInput)


class PushActions:
    """Turn notifications on devices on and off; mixed into the admin of notices."""

    push_on = calls(
        push.subscribe,
        path="push",
        title="Turn on notifications on this device",
        permission=push.USE,
        form=BrowserForm,
        explain="Use the button on the page of your notices: your browser has to be asked first.",
        done="Notifications are on in this browser, also while Walker is closed.",
    )
    push_off = calls(
        push.unsubscribe,
        title="Turn off notifications on all devices",
        permission=push.USE,
        explain="Your notices stay in the list. You can turn it on again on each device.",
        done=lambda count: "Notifications are off on all your devices." if count else "Notifications were off already.",
    )


def card_of(viewer: Actor) -> dict[str, Any] | None:
    """Return what the switch shows; None if the installation has no key. One query."""
    if not push.is_set_up():
        return None
    key = push.public_key_of(settings.VAPID_PRIVATE_KEY)
    return {"key": key, "count": push.list_own(viewer=viewer).count()}
