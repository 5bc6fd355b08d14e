"""A vendor's part of the console's page of channels: its actions, what their forms show, and its sections."""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from channels_app.kit import diagnosis
from console.base import crud
from console.base.actions import ServiceAction, service_action, show_once
from console.base.forms import ConsoleForm
from console.viewers import viewer_of
from conversations.models import ChannelAccount

CHANGE: Final = "channels_app.change_channelaccount"


class ChannelPage:
    """What the accounts of a vendor have on the page; their channels name it, and it is loaded with the page."""

    order: ClassVar[int] = 100
    """The place of its actions, also among what can be connected; those without one follow by `noun`."""

    noun: ClassVar[str]
    """What its accounts are, as in “This is not a web chat.”"""

    edit: ClassVar[ServiceAction | None] = None
    """The action that changes an account."""

    main: ClassVar[str] = ""
    """The path of the action that stands first on the page; by default that of `edit`."""

    shown: ClassVar[tuple[str, ...]] = ()
    """The credentials that are no secrets: they stand in the form of `edit`."""

    shows_codes: ClassVar[bool] = False
    """True if codes of errors that are words can be looked up."""

    shows_advice: ClassVar[bool] = True
    has_websites: ClassVar[bool] = False
    """True if its page lists the websites that may show it."""

    @classmethod
    def initial(cls, action: ServiceAction, account: ChannelAccount) -> dict[str, Any]:
        """Return what an action's form shows: the settings that are not secret."""
        if action is not cls.edit:
            return {}
        kept = account.credentials or {}
        return {"name": account.name, **{name: kept.get(name, "") for name in cls.shown}}

    @classmethod
    def blocked(cls, action: ServiceAction, account: ChannelAccount) -> str:  # noqa: ARG003  (for subclasses)
        """Return why one of its actions does not apply to one of its accounts now; "" if it does."""
        return ""

    @classmethod
    def facts(cls, account: ChannelAccount) -> list[tuple[str, str]]:  # noqa: ARG003
        """Return what an account's page says about its settings, in words."""
        return []

    @classmethod
    def context(cls, request: HttpRequest, account: ChannelAccount) -> dict[str, Any]:  # noqa: ARG003
        """Return what the template of the page shows of an account beside what all have."""
        return {}


def calls(service: Callable[..., Any], path: str, **looks: Any) -> ServiceAction:
    """Return the action that calls a service about an account, as `crud.calls` says."""
    return crud.calls(service, "account_id", path=path, permission=CHANGE, **looks)


def shows_secret(
    service: Callable[..., str], path: str, *, shown: str, explained: str = "", **looks: Any
) -> ServiceAction:
    """Return the action that makes a secret of an account, and shows it once under the title `shown`."""

    def show(self: Any, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> HttpResponse:
        secret = service(actor=viewer_of(request), account_id=obj.pk, **form.cleaned_data)
        return show_once(self, request, self.object_url(obj), title=shown, secret=secret, explained=explained)

    return service_action(path=path, permission=CHANGE, **looks)(show)


def connects(
    service: Callable[..., ChannelAccount], path: str, *, done: str | Callable[[Any], str], **looks: Any
) -> ServiceAction:
    """Return the action above the list that connects an account, whose page it shows with a sentence."""

    def connect(self: Any, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponseRedirect:
        made = service(actor=viewer_of(request), **form.cleaned_data)
        (messages.success if made.is_active else messages.warning)(request, done(made) if callable(done) else done)
        return HttpResponseRedirect(self.object_url(made))

    return service_action(path=path, permission=CHANGE, on_list=True, **{"submit": "Connect", **looks})(connect)


def edits(service: Callable[..., Any], path: str, **looks: Any) -> ServiceAction:
    """Return the action that changes an account."""
    return calls(service, path, **looks, submit="Save", tone="primary")


def tests(path: str, **looks: Any) -> ServiceAction:
    """Return the action that sends a test from an account."""
    return calls(diagnosis.send_test, path, done="{0.words}", **{"title": "Send test message", **looks}, submit="Send")
