"""The console's page of channels: set-up, tests and the last error."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html

from channels_app.approver_channels.slack.admin import OWN_OF_SLACK, SlackActions, is_slack
from channels_app.email.admin import OWN_OF_MAIL, MailActions, is_mail
from channels_app.exchanges.log import list_exchanges
from channels_app.kit import diagnosis
from channels_app.kit.admin.forms import ChangeNumberForm, ColleagueForm, ConnectNumberForm, TestForm
from channels_app.kit.admin.tools import OWN_OF_TOOLS, ToolActions
from channels_app.kit.channel import channel_of
from channels_app.kit.health import error_of, read_health, refusal_of
from channels_app.kit.phones import templates
from channels_app.kit.phones.numbers import introduce_colleague
from channels_app.meta_whatsapp.admin import OWN_OF_CLOUD, CloudActions, is_cloud
from channels_app.own_app.admin import OF_WEBHOOKS, OWN_OF_APP, AppActions, is_app
from channels_app.twilio import connect
from channels_app.twilio.senders import PROVIDER
from channels_app.web_chat.settings.admin import WidgetActions
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.navigation import Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from conversations.models import ChannelAccount

CHANGE = "channels_app.change_channelaccount"
LOGGED = 20
# The order of what can be connected.
CONNECTS = ("new-widget", "connect", "connect-cloud", "connect-mail", "connect-mailbox", "connect-app", "connect-slack")
WITH_WEBSITES = (ChannelAccount.Kind.WEBCHAT, ChannelAccount.Kind.APP)
# The order of actions on a page.
TONES = ("primary", "neutral", "danger")


@admin.register(ChannelAccount)
class ChannelAccountAdmin(WidgetActions, MailActions, SlackActions, AppActions, CloudActions, ToolActions):
    """Numbers, mailboxes, web chats, apps and Slack; credentials are never shown."""

    view_permission = "channels_app.view_channelaccount"
    nav = Nav("Channels", "door", group="Set-up", order=30)
    intro = "Where customers and colleagues reach you."
    masked_fields = ("credentials", "address", "lookup_digest", "provider_digest")
    list_display = ("name", "kind", "provider", "own_address", "standing", "created_at")
    ordering = ("id",)
    detail_fields = (
        "name",
        "kind",
        "provider",
        "own_address",
        "standing",
        "last_trouble",
        "allowed_origins",
        "created_at",
    )
    detail_template = "console/channel.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChannelAccount]:
        """Return the accounts without their credentials."""
        return super().get_queryset(request).defer("credentials")

    @admin.display(description="Address")
    def own_address(self, account: ChannelAccount) -> str:
        """Return the organisation's own number or sender, which customers know anyway."""
        return format_html('<span class="wk-number">{}</span>', account.address) if account.address else "–"

    @admin.display(description="State")
    def standing(self, account: ChannelAccount) -> str:
        """Return whether the channel is open, and whether it has an error."""
        if account.is_active and account.paused_at is not None:
            return chip("Paused", "warn", "pause")
        if account.is_active and account.last_error:
            return chip("Error", "warn", "alert")
        return chip("Open", "good", "check") if account.is_active else chip("Closed", "neutral", "ban")

    @admin.display(description="Last error")
    def last_trouble(self, account: ChannelAccount) -> str:
        """Return the last error in words."""
        if refusal := refusal_of(account):
            return refusal
        error = error_of(account)
        if error is None:
            return "–"
        # Our own codes say no more than the sentence does; Slack's are words, which one can look up.
        has_code = account.last_error.isdigit() or is_slack(account)
        code = f"({account.last_error})" if has_code and account.last_error not in error.reason else ""
        page = format_html('<a href="{}" rel="noreferrer">{}</a>', error.url, code) if error.url else code
        words = format_html("{} {} {}", error.reason, page, "" if is_app(account) else error.advice)
        return format_html('{} <span class="wk-quiet">{}</span>', words, moment(account.last_error_at))

    @admin.display(description="Allowed websites")
    def allowed_origins(self, account: ChannelAccount) -> str:
        """Return the origins of the widget."""
        return ", ".join(account.origins) or "No website yet"

    def detail_context(self, request: HttpRequest, obj: ChannelAccount) -> dict[str, Any]:
        """Return the facts, the actions and the set-up instructions."""
        context = super().detail_context(request, obj)
        offered = [offer for offer in context["offered"] if not offer["blocked"]]
        context["offered"] = sorted(offered, key=lambda offer: TONES.index(offer["action"].tone))
        if obj.kind not in WITH_WEBSITES:
            context["rows"] = [row for row in context["rows"] if row[0] != "Allowed websites"]
        if not obj.address:
            context["rows"] = [row for row in context["rows"] if row[0] != "Address"]
        viewer = viewer_of(request)
        health = read_health(viewer=viewer, account_id=obj.pk)
        context["health"] = health
        if obj.kind == ChannelAccount.Kind.WEBCHAT:
            return {**context, "widget_key": obj.public_key, "public_url": settings.PUBLIC_URL, "websites": obj.origins}
        channel = channel_of(obj)
        steps = channel.setup(obj, health, may_change=viewer.may(CHANGE)) if channel else []
        context |= {"steps": steps, "is_set_up": all(step.is_done for step in steps)}
        context["logged"] = LOGGED
        context["exchanges"] = list_exchanges(viewer=viewer, account_id=obj.pk, limit=LOGGED).rows
        context["lacks_secret"] = is_cloud(obj) and not obj.is_active
        if is_mail(obj):
            return {**context, **self.mail_context(obj)}
        if is_slack(obj):
            return {**context, "routes": self.routes()}
        return {**context, **self.app_context(request, obj)} if is_app(obj) else context

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what can be connected, customers' channels first."""
        context = super().list_context(request)
        context["offered"].sort(key=lambda offer: CONNECTS.index(offer["action"].path))
        return context

    def why_not(self, request: HttpRequest, action: ServiceAction, account: Any) -> str:
        """Return why an action does not apply to this kind of channel."""
        if account is None:
            return ""
        if action.path in OWN_OF_TOOLS:
            return self.tool_in_the_way(action, account)
        if action.path in (*OWN_OF_APP, *OF_WEBHOOKS):
            return self.app_in_the_way(action, account)
        if action.path in OWN_OF_MAIL:
            return self.mail_in_the_way(action, account)
        if action.path in OWN_OF_SLACK:
            return "" if is_slack(account) else "This is not a Slack workspace."
        if action.path in OWN_OF_CLOUD:
            return "" if is_cloud(account) else "This is not a number of the Cloud API."
        if action.path == "fetch-templates":
            return "" if account.kind == ChannelAccount.Kind.WHATSAPP else "Only WhatsApp has templates."
        if is_cloud(account) and action.path == "colleague":
            return ""
        return self.widget_in_the_way(action, account)

    def form_initial(self, request: HttpRequest, action: ServiceAction, account: Any) -> dict[str, Any]:
        """Return the settings that are not secret."""
        if action.path == "verify-sample":
            return self.sample_initial(account)
        if action.path == "widget" and account.kind == ChannelAccount.Kind.WEBCHAT:
            return self.widget_initial(account)
        if action.path == "read-mailbox" and is_mail(account):
            return self.mailbox_initial(account)
        if action.path == "edit-mail" and is_mail(account):
            return self.mail_initial(account)
        if action.path == "edit-slack" and is_slack(account):
            return self.slack_initial(account)
        if account is not None and is_app(account):
            return self.app_initial(action, account)
        if action.path == "edit-cloud" and is_cloud(account):
            return self.cloud_initial(account)
        if action.path != "edit" or account is None or account.provider != PROVIDER:
            return {}
        kept = account.credentials or {}
        settings_of_number = {name: kept.get(name, "") for name in ("account_sid", "mms")}
        return {"name": account.name, **settings_of_number}

    @service_action(
        path="connect",
        title="Connect Twilio number",
        permission=CHANGE,
        form=ConnectNumberForm,
        submit="Connect",
        on_list=True,
        explain="Copy these from the Twilio console. You'll see what Twilio needs next.",
    )
    def connect(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Connect a new number and show what Twilio needs."""
        made = connect.connect_number(actor=viewer_of(request), **form.cleaned_data)
        messages.success(request, "Number connected. Paste the webhook address below into the Twilio console.")
        return HttpResponseRedirect(self.object_url(made))

    @service_action(
        path="send-test",
        title="Send test message",
        permission=CHANGE,
        form=TestForm,
        submit="Send",
        explain="Sends one message from this number to your phone.",
    )
    def send_test(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Send a test message."""
        return diagnosis.send_test(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data).words

    @service_action(
        path="colleague",
        title="Link a colleague's phone",
        permission="accounts.manage_membership",
        form=ColleagueForm,
        submit="Link",
        explain="Anyone who writes from this phone can request what the colleague can request.",
    )
    def colleague(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Link a phone to a colleague."""
        introduce_colleague(actor=viewer_of(request), **form.cleaned_data)
        return "Phone linked to the colleague."

    @service_action(
        path="fetch-templates",
        title="Fetch templates",
        permission=CHANGE,
        submit="Fetch",
        explain="Reads the templates of this account from its provider. This also happens every hour.",
    )
    def fetch_templates(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Fetch the templates of the account now."""
        count = templates.fetch_templates(actor=viewer_of(request), account_id=obj.pk)
        return f"{count} templates fetched. Choose what each is sent for under Templates."

    @service_action(path="edit", title="Edit channel", permission=CHANGE, form=ChangeNumberForm, submit="Save",
                    tone="primary")  # fmt: skip
    def edit(self, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        """Update the channel's settings and credentials."""
        facts = {**form.cleaned_data, "kind": obj.kind, "account_id": obj.pk}
        connect.connect_number(actor=viewer_of(request), **facts)
        return "Channel saved."
