"""The console's actions on any account of a provider: check a sample, pause, resume."""

from typing import Any, Final

from django.http import HttpRequest

from channels_app.kit import diagnosis, pauses
from channels_app.kit.admin.forms import PauseForm, SampleForm
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations.models import ChannelAccount
from core.errors import Invalid

OWN_OF_TOOLS: Final = ("verify-sample", "pause", "resume")


class ToolActions(ServiceAdmin):
    """The actions that every provider's accounts have."""

    def sample_initial(self, account: ChannelAccount) -> dict[str, Any]:
        """Return what the form of a sample asks for."""
        return {"diagnosis": diagnosis.diagnosis_of(account)}

    def tool_in_the_way(self, action: ServiceAction, account: ChannelAccount) -> str:
        """Return why an action does not apply to this account now."""
        found = diagnosis.diagnosis_of(account)
        if action.path == "verify-sample" and (found is None or not found.proof):
            return "Nothing that arrives here has a signature to check."
        is_paused = account.paused_at is not None
        if action.path == "pause" and is_paused:
            return "This channel is paused already."
        return "This channel isn't paused." if action.path == "resume" and not is_paused else ""

    @service_action(
        path="verify-sample",
        title="Check a sample",
        permission=diagnosis.CHANGE,
        form=SampleForm,
        submit="Check",
        explain="Paste a request from the provider's log, or your app's token, to see whether Walker accepts it.",
    )
    def verify_sample(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Check a pasted webhook; what is wrong stands on the form."""
        result = diagnosis.verify_sample(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data)
        if not result.valid:
            raise Invalid(result.words, fields={"signature": [result.words]})
        return result.words

    @service_action(
        path="pause",
        title="Pause channel",
        permission=diagnosis.CHANGE,
        form=PauseForm,
        submit="Pause",
        tone="danger",
        explain="Nothing is sent until you resume it: messages wait. What customers write is stored, and neither shown "
        "nor answered until then; a mailbox isn't read, and a web chat takes no one. Sign-in emails and notices to "
        "colleagues still go out; those by Slack or WhatsApp become emails. A button pressed in Slack more than 15 "
        "minutes before you resume decides nothing.",
    )
    def pause(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Pause the account."""
        pauses.set_paused(actor=viewer_of(request), account_id=obj.pk, paused=True, **form.cleaned_data)
        return "Channel paused."

    @service_action(
        path="resume",
        title="Resume channel",
        permission=diagnosis.CHANGE,
        tone="primary",
        explain="What customers wrote in the meantime appears and is answered, and waiting messages are sent, in "
        "order. Whether they may still be sent is checked again: WhatsApp's 24 hours may have passed.",
    )
    def resume(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Resume the account."""
        pauses.set_paused(actor=viewer_of(request), account_id=obj.pk, paused=False)
        return "Channel resumed. What has waited is being processed and sent."
