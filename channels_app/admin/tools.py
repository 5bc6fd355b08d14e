"""The console's actions on any account of a provider: check a sample, pause, resume."""

from typing import Final

from django.http import HttpRequest

from channels_app import diagnosis
from channels_app.admin.forms import PauseForm, SampleForm
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations import services
from conversations.models import ChannelAccount
from core.errors import Invalid

OWN_OF_TOOLS: Final = ("verify-sample", "pause", "resume")


class ToolActions(ServiceAdmin):
    """The actions that every provider's accounts have."""

    def tool_in_the_way(self, action: ServiceAction, account: ChannelAccount) -> str:
        """Return why an action does not apply to this account now."""
        if account.kind == ChannelAccount.Kind.WEBCHAT:
            return "A web chat is closed under “Edit web chat”."
        if action.path == "verify-sample" and diagnosis.diagnosis_of(account) is None:
            return "Samples of this provider can't be checked."
        is_paused = account.paused_at is not None
        if action.path == "pause" and is_paused:
            return "This channel is paused already."
        return "This channel isn't paused." if action.path == "resume" and not is_paused else ""

    @service_action(
        path="verify-sample",
        title="Check a webhook sample",
        permission=diagnosis.CHANGE,
        form=SampleForm,
        submit="Check",
        explain="Paste a request from the provider's log to see whether Walker accepts it.",
    )
    def verify_sample(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Check a pasted webhook; what is wrong stands on the form."""
        verdict = diagnosis.verify_sample(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data)
        if not verdict.valid:
            raise Invalid(verdict.words, fields={"signature": [verdict.words]})
        return verdict.words

    @service_action(
        path="pause",
        title="Pause channel",
        permission=diagnosis.CHANGE,
        form=PauseForm,
        submit="Pause",
        tone="danger",
        explain="Nothing is sent until you resume it. Messages wait, and what customers write is kept.",
    )
    def pause(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Pause the account."""
        services.pause_channel(actor=viewer_of(request), account_id=obj.pk, paused=True, **form.cleaned_data)
        return "Channel paused. Messages wait."

    @service_action(
        path="resume",
        title="Resume channel",
        permission=diagnosis.CHANGE,
        tone="primary",
        explain="Waiting messages are sent in order.",
    )
    def resume(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Resume the account."""
        services.pause_channel(actor=viewer_of(request), account_id=obj.pk, paused=False)
        return "Channel resumed. Waiting messages are being sent."
