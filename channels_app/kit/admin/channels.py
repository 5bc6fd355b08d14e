"""The console's page of channels: set-up, tests and the last error; each vendor's part stands in its own package."""

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.module_loading import import_string

from channels_app.exchanges.log import list_exchanges
from channels_app.kit import diagnosis, pauses
from channels_app.kit.admin.forms import PauseForm, SampleForm
from channels_app.kit.admin.page import CHANGE, ChannelPage, calls
from channels_app.kit.channel import Channel, channel_of, channels, missing_parts, sources_of
from channels_app.kit.health import error_of, read_health, refusal_of
from console.base.actions import ServiceAction, actions_of, service_action
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.extensions import Step, steps
from console.navigation import CHANNELS, SETTINGS, Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from conversations.models import ChannelAccount, Message
from conversations.registry import panels_at
from core.actors import Actor
from core.errors import Invalid

LOGGED: Final = 20
# The order of actions on a page.
TONES: Final = ("primary", "neutral", "danger")


def pages_by_name(found: Iterable[type[Channel]]) -> dict[str, type[ChannelPage]]:
    """Return the parts of the page by dotted name. A channel that lacks something is left to the system check."""
    return {channel.page: import_string(channel.page) for channel in found if not missing_parts(channel)}


BY_NAME: Final = pages_by_name(channels())
PAGES: Final = sorted(set(BY_NAME.values()), key=lambda page: (page.order, page.noun))


def page_of(account: ChannelAccount) -> type[ChannelPage]:
    """Return the vendor's part of an account's page; an empty one where nobody registered its pair."""
    channel = channel_of(account)
    return BY_NAME.get(getattr(channel, "page", ""), ChannelPage)


class ConnectChannel(Step):
    """The first channel."""

    title, order, permission = "Connect a channel", 10, CHANGE
    text, page = (
        "Your website's chat, email, WhatsApp, texts or your own app.",
        "admin:conversations_channelaccount_changelist",
    )

    def is_done(self, viewer: Actor) -> bool:
        return bool(ChannelAccount.objects.filter(is_active=True).exists())


class SendTestMessage(Step):
    """The first answer."""

    title, order, permission = "Send a test message", 60, CHANGE
    text, page = (
        "Write as a customer would. Each channel's page says how.",
        "admin:conversations_channelaccount_changelist",
    )

    def is_done(self, viewer: Actor) -> bool:
        answered = Message.objects.filter(sender_type__in=(Message.Sender.AGENT, Message.Sender.PERSON))
        return bool(answered.exists())


steps.register("channels.connected", ConnectChannel)
steps.register("channels.tried", SendTestMessage)


class ChannelAccountAdmin(ServiceAdmin):
    view_permission = "channels_app.view_channelaccount"
    nav = Nav("Channels", "door", SETTINGS, CHANNELS, order=10)
    intro = "Where customers and colleagues reach you."
    masked_fields = ("credentials", "address", "lookup_digest", "provider_digest")
    list_display = ("name", "kind_name", "provider_name", "own_address", "standing", "created_at")
    ordering = ("id",)
    detail_fields = ("own_address", "created_at")
    detail_template = "console/channel.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChannelAccount]:
        return super().get_queryset(request).defer("credentials")

    kind_name = Column[ChannelAccount]("Kind", lambda account: account.kind_label)
    provider_name = Column[ChannelAccount](
        "Provider", lambda one: getattr(channel_of(one), "provider_label", one.provider)
    )
    own_address = Column[ChannelAccount](
        "Address",
        lambda account: format_html('<span class="wk-number">{}</span>', account.address) if account.address else "–",
    )

    @admin.display(description="State")
    def standing(self, account: ChannelAccount) -> str:
        """Return whether the channel is open, and whether it has an error."""
        if account.is_active and account.paused_at is not None:
            return chip("Paused", "warn", "pause")
        if account.is_active and account.last_error:
            return chip("Error", "warn", "alert")
        return chip("Open", "good", "check") if account.is_active else chip("Closed", "neutral", "ban")

    def last_trouble(self, account: ChannelAccount) -> str:
        """Return the last error in words; "" without one."""
        if refusal := refusal_of(account):
            return refusal
        error = error_of(account)
        if error is None:
            return ""
        # Our own codes say no more than the sentence does.
        part = page_of(account)
        has_code = account.last_error.isdigit() or part.shows_codes
        code = f"({account.last_error})" if has_code and account.last_error not in error.reason else ""
        page = format_html('<a href="{}" rel="noreferrer">{}</a>', error.url, code) if error.url else code
        words = format_html("{} {} {}", error.reason, page, error.advice if part.shows_advice else "")
        return format_html('{} <span class="wk-quiet">{}</span>', words, moment(account.last_error_at))

    def detail_context(self, request: HttpRequest, obj: ChannelAccount) -> dict[str, Any]:
        """Return the head with its main action and the others, the facts and the set-up instructions."""
        context = super().detail_context(request, obj)
        viewer, channel, page = viewer_of(request), channel_of(obj), page_of(obj)
        offered = [offer for offer in context["offered"] if not offer["blocked"]]
        offered.sort(key=lambda offer: TONES.index(offer["action"].tone))
        urls = {offer["action"].path: offer["url"] for offer in offered}
        first = "resume" if obj.paused_at else page.main
        main = next((offer for offer in offered if offer["action"].path == first), offered[0] if offered else None)
        rows = [*page.facts(obj), *(row for row in context["rows"] if row[1] != "–")]
        if page.has_websites:
            rows.insert(0, ("Allowed websites", ", ".join(obj.origins) or "No website yet"))
        context |= {
            "main": main,
            "menu": [(offer["action"], offer["url"]) for offer in offered if offer is not main],
            "edit_url": urls.get(page.edit.path, "") if page.edit else "",
            "rows": rows,
            "standing": self.standing(obj),
            "provider": self.provider_name(obj),
            "trouble": self.last_trouble(obj),
        }
        health = read_health(viewer=viewer, account_id=obj.pk)
        context |= {"health": health, "panels": panels_at("channel", viewer, obj), **page.context(request, obj)}
        if channel and not sources_of(channel):
            # Nothing is posted to it, so that there is nothing to set up at a vendor, and no log.
            return context
        steps = channel.setup(obj, health, may_change=viewer.may(CHANGE)) if channel else []
        context |= {"steps": steps, "is_set_up": all(step.is_done for step in steps), "logged": LOGGED}
        return {**context, "exchanges": list_exchanges(viewer=viewer, account_id=obj.pk, limit=LOGGED).rows}

    def why_not(self, request: HttpRequest, action: ServiceAction, account: Any) -> str:
        """Return why an action does not apply to this kind of channel, or to this account now."""
        if account is None:
            return ""
        if action.path == "verify-sample":
            found = diagnosis.diagnosis_of(account)
            return "" if found and found.proof else "Nothing that arrives here has a signature to check."
        if action.path in ("pause", "resume"):
            is_paused = account.paused_at is not None
            if is_paused == (action.path == "resume"):
                return ""
            return "This channel is paused already." if is_paused else "This channel isn't paused."
        page = page_of(account)
        if action.path in actions_of(page):
            return page.blocked(action, account)
        return f"This is not {next(other.noun for other in PAGES if action.path in actions_of(other))}."

    def form_initial(self, request: HttpRequest, action: ServiceAction, account: Any) -> dict[str, Any]:
        """Return the settings that are not secret, and what the form of a sample asks for."""
        if account is None:
            return {}
        if action.path == "verify-sample":
            return {"diagnosis": diagnosis.diagnosis_of(account)}
        return page_of(account).initial(action, account)

    @service_action(
        title="Check a sample",
        permission=CHANGE,
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

    pause = calls(
        partial(pauses.set_paused, paused=True),
        "pause",
        title="Pause channel",
        form=PauseForm,
        submit="Pause",
        tone="danger",
        explain="Nothing is sent until you resume it: messages wait. What customers write is stored, and neither shown "
        "nor answered until then; a mailbox isn't read, and a web chat takes no one. Sign-in emails and notices to "
        "colleagues still go out; those by Slack or WhatsApp become emails. A button pressed in Slack more than 15 "
        "minutes before you resume decides nothing.",
        done="Channel paused.",
    )
    resume = calls(
        partial(pauses.set_paused, paused=False),
        "resume",
        title="Resume channel",
        tone="primary",
        explain="What customers wrote in the meantime appears and is answered, and waiting messages are sent, in "
        "order. Whether they may still be sent is checked again: WhatsApp's 24 hours may have passed.",
        done="Channel resumed. What has waited is being processed and sent.",
    )


# A vendor's own actions come before those that several vendors share.
_OWNERS: Final = dict.fromkeys((*PAGES, *(parent for page in PAGES for parent in page.__mro__)))
for _owner in _OWNERS:
    _own = [value for value in vars(_owner).values() if isinstance(value, ServiceAction)]
    ChannelAccountAdmin.service_actions.update({action.path: action for action in _own})
admin.site.register(ChannelAccount, ChannelAccountAdmin)
