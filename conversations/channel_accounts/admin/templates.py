"""The console's list of message templates, what each is sent for, and the banner for those that can't be sent."""

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from console.base.actions import ServiceAction
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.extensions import Banner, Notice, banners
from console.navigation import CHANNELS, SETTINGS, Nav
from console.templatetags.console_ui import chip
from conversations.channel_accounts import templates
from conversations.channel_accounts.admin.languages import language_name
from conversations.channel_accounts.selectors import find_lost_templates
from conversations.channel_accounts.templates import NEEDS_MORE, REFUSALS, SENT_USES
from conversations.models import MessageTemplate
from core.actors import Actor

VIEW = "channels_app.view_channelaccount"
CHANGE = "channels_app.change_channelaccount"
USES = dict(MessageTemplate.Use.choices)


STATES: Final = {
    MessageTemplate.State.APPROVED: ("good", "check"),
    MessageTemplate.State.PENDING: ("neutral", "clock"),
    MessageTemplate.State.PAUSED: ("warn", "pause"),
}
GONE: Final = ("danger", "ban")


class UseForm(ConsoleForm):
    use = forms.ChoiceField(label="Send it for", choices=SENT_USES)


class StopForm(ConsoleForm):
    use = forms.ChoiceField(label="Stop sending it for")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        uses = self.initial.get("uses", [])
        self.fields["use"].choices = [(use, USES[use]) for use in uses]  # type: ignore[attr-defined]


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ServiceAdmin):
    view_permission = VIEW
    nav = Nav("Templates", "record", SETTINGS, CHANNELS, order=20)
    intro = (
        "Texts that WhatsApp has approved for writing to people after 24 hours. You write them at Meta or Twilio; "
        "Walker fetches them every hour. Open one to choose what it's sent for."
    )
    empty_title = "No templates yet"
    empty_text = "Open a WhatsApp number under Channels and choose “Fetch templates”."
    list_display = ("name", "preview", "spoken", "channel", "standing", "sent_for")
    list_select_related: ClassVar[tuple[str, ...]] = ("channel_account",)
    ordering = ("name", "language", "id")
    detail_fields = ("preview", "standing", "sent_for", "spoken", "channel", "kind", "synced_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[MessageTemplate]:
        return super().get_queryset(request).select_related("channel_account").defer("channel_account__credentials")

    channel = Column[MessageTemplate]("Channel", lambda template: template.channel_account.name)
    standing = Column[MessageTemplate](
        "State",
        lambda template: chip(template.get_state_display(), *STATES.get(MessageTemplate.State(template.state), GONE)),
    )
    spoken = Column[MessageTemplate]("Language", lambda template: language_name(template.language))
    kind = Column[MessageTemplate]("Category", lambda template: template.category.capitalize() or "–")
    preview = Column[MessageTemplate](
        "Text", lambda template: format_html("{}", templates.preview_of(template=template) or "–")
    )

    @admin.display(description="Sent for")
    def sent_for(self, template: MessageTemplate) -> str:
        uses = templates.uses_of(template, account=template.channel_account)
        return ", ".join(USES[use] for use in uses) or "Nothing"

    def why_not(self, request: HttpRequest, action: ServiceAction, template: Any) -> str:
        """Return why an action does not apply."""
        if template is None:
            return ""
        if action.path == "use" and template.state != MessageTemplate.State.APPROVED:
            return "Only an approved template can be sent."
        if action.path == "use" and not templates.can_fill(template):
            return REFUSALS[NEEDS_MORE]
        if action.path == "stop-using" and not templates.uses_of(template, account=template.channel_account):
            return "It isn't sent for anything."
        return ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, template: Any) -> dict[str, Any]:
        """Return what the template is sent for, to choose what to stop."""
        if action.path != "stop-using":
            return {}
        return {"uses": templates.uses_of(template, account=template.channel_account)}

    use = calls(
        templates.use_template,
        "template_id",
        permission=CHANGE,
        form=UseForm,
        title="Send it for…",
        submit="Choose",
        explain="It replaces the template that was sent for this in the same language.",
        done="Template chosen.",
    )
    stop_using = calls(
        templates.stop_using_template,
        "template_id",
        permission=CHANGE,
        form=StopForm,
        title="Stop sending it for…",
        submit="Stop",
        explain="Nothing is sent for this in its language until you choose another template.",
        done="Template removed.",
    )


class LostTemplates(Banner):
    """Says that a chosen template can't be sent any more."""

    permission = CHANGE
    only_on_dashboard = True

    def notices(self, viewer: Actor) -> list[Notice]:
        """Return one notice if there are such templates."""
        lost = find_lost_templates(viewer=viewer)
        if not lost:
            return []
        names = ", ".join(f"{one} is {one.get_state_display().lower()}" for one in lost[:3])
        text = f"{names}. Messages after 24 hours go out another way until you choose another template."
        url = reverse("admin:conversations_messagetemplate_changelist")
        return [Notice("A template can't be sent", text, url=url, tone="warn", icon="alert")]


banners.register("lost_templates", LostTemplates)
