"""The console's pages of connections: what is connected, how, and the way to a vendor's consent page and back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, deletes
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.error_messages import explain
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.templatetags.console_ui import chip, exact, moment
from console.viewers import viewer_of
from core.clock import now
from core.errors import NotFound, WalkerError
from core.privacy.visible_text import visible
from core.text.amounts import money_text
from hitl.domain.permissions import PROPOSE
from integrations import platforms
from integrations.admin.provider_calls import outcome_chip
from integrations.calls import quotas
from integrations.calls.rights import MANAGE, VIEW
from integrations.connections import providers, registry, selectors, services
from integrations.connections.errors import describe
from integrations.connections.names import NAME_LIMIT
from integrations.connections.providers import Provider
from integrations.mirrors import services as mirrors
from integrations.mirrors.poller import LOGGED, is_unexplained
from integrations.mirrors.selectors import MirrorState, find_mirror
from integrations.mirrors.services import AD_CAMPAIGNS
from integrations.models import MirroredAdCampaign, ProviderAccount, SyncCursor
from integrations.ports import AD_CAMPAIGN, UNKNOWN_BUDGET
from integrations.sync.services import EVERY

State = ProviderAccount.State
LOOKS: Final = {
    State.ACTIVE: ("good", "check"),
    State.EXPIRED: ("danger", "alert"),
    State.CHOOSING: ("warn", "clock"),
    State.DISCONNECTED: ("neutral", "ban"),
}
TYPED: Final = "credential_"
STEP: Final = "of_provider"
PARAMETER_LIMIT: Final = 8_000
TRIED: Final = "Walker tries the credentials with one reading call before it stores them."
BY_STATE: Final[Mapping[str, tuple[State, ...]]] = {
    "test": (State.ACTIVE, State.EXPIRED),
    "rotate": (State.ACTIVE,),
    "make-default": (State.ACTIVE,),
    "choose": (State.CHOOSING,),
    "pause-updates": (State.ACTIVE, State.EXPIRED),
    "disconnect": (State.ACTIVE, State.EXPIRED, State.CHOOSING),
}
"""The states in which an action applies; the others apply in all."""


class CredentialsForm(ConsoleForm):
    """What a provider's account needs, as fields. A secret is never shown again, not even after an error.

    `stored` are the account's credentials so far, of which the public ones are suggested.
    """

    def __init__(
        self, *args: Any, provider: Provider | None = None, stored: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if provider is None or provider.consent is not None:
            return
        for name, info in provider.credentials.model_fields.items():
            is_public = provider.is_public(name)
            usual = "" if info.is_required() else info.default
            shown = {"class": "wk-input", "autocomplete": "off"}
            more = info.json_schema_extra
            choices = more.get("choices") if isinstance(more, dict) else None
            if isinstance(choices, dict):
                self.fields[f"{TYPED}{name}"] = forms.ChoiceField(
                    label=info.title,
                    help_text=info.description or "",
                    choices=list(choices.items()),
                    initial=(stored or {}).get(name, usual),
                )
                continue
            self.fields[f"{TYPED}{name}"] = forms.CharField(
                label=info.title or name.replace("_", " ").capitalize(),
                help_text=info.description or "",
                max_length=2000,
                required=info.is_required(),
                initial=(stored or {}).get(name, usual) if is_public else usual,
                widget=forms.TextInput(shown) if is_public else forms.PasswordInput(shown),
            )

    def credentials(self) -> dict[str, str]:
        """Return what was typed in, by the provider's names."""
        said = self.cleaned_data
        return {name.removeprefix(TYPED): value for name, value in said.items() if name.startswith(TYPED) and value}

    def place_errors(self, problems: Any) -> bool:
        """Add a service's errors to the fields of the credentials, too."""
        return super().place_errors(
            {(f"{TYPED}{name}" if f"{TYPED}{name}" in self.fields else name): said for name, said in problems.items()}
        )


class ConnectForm(CredentialsForm):
    """First which system, then what its account needs."""

    system: Provider | None
    provider = forms.ChoiceField(label="System")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        known = list(providers.every())
        chosen = str((args[0] if args else {}).get("provider") or (known[0].key if len(known) == 1 else ""))
        self.system = next((one for one in known if one.key == chosen), None)
        super().__init__(*args, provider=self.system, **kwargs)
        self.fields["provider"].choices = [(one.key, one.title) for one in known]  # type: ignore[attr-defined]
        self.is_redrawn = bool(args) and self.system is not None and args[0].get(STEP) != chosen
        self.submit = "Continue" if self.system is None or self.system.consent else "Connect"
        if self.system is not None:
            self.fields["name"] = forms.CharField(
                label="Name",
                max_length=NAME_LIMIT,
                initial=self.system.title,
                help_text="Such as the shop or country it is for.",
                widget=forms.TextInput({"class": "wk-input"}),
            )
            self.fields[STEP] = forms.CharField(widget=forms.HiddenInput, initial=chosen, required=False)
            self.fields["provider"].widget = forms.HiddenInput()
            self.fields["provider"].initial = chosen
            if self.is_redrawn:
                self.is_bound = False
                self.initial = {"provider": chosen, STEP: chosen, "name": self.system.title}
        self.order_fields(["provider", "name"])


class RenameForm(ConsoleForm):
    name = forms.CharField(label="Name", max_length=NAME_LIMIT)


class ChoiceForm(ConsoleForm):
    external_id = forms.ChoiceField(label="Account", widget=forms.RadioSelect)

    def __init__(self, *args: Any, row: ProviderAccount | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(one["id"], visible(f"{one['name']} ({one['id']})")) for one in (row.choices if row else [])]
        self.fields["external_id"].choices = choices  # type: ignore[attr-defined]


def provider_or_none(row: ProviderAccount) -> Provider | None:
    """Return the provider of a connection, None if this installation doesn't know it any more."""
    try:
        return providers.get(row.provider)
    except NotFound:
        return None


def system_of(row: ProviderAccount) -> str:
    """Return the title of a connection's provider."""
    found = provider_or_none(row)
    return found.title if found else row.provider


def error_of(row: ProviderAccount) -> str:
    """Return what went wrong last, in words."""
    return describe(row.last_error, row.last_error_about) or "–"


def last_call_of(row: ProviderAccount) -> str:
    """Return what was called last over a connection, how it ended, and when."""
    last = selectors.last_call_of(row)
    if last is None:
        return "None within 30 days"
    return format_html("{} {} {}", last.words, outcome_chip(last.outcome), moment(last.called_at))


def quota_of(row: ProviderAccount) -> str:
    """Return how many calls a system takes, as far as it says so, and when it did."""
    found = quotas.find(row)
    return format_html("{}, as of {}", found[0].words, moment(found[1])) if found else "Not known"


def budget_of(row: MirroredAdCampaign) -> str:
    """Return the daily budget as people read it, with the decimals that it has."""
    if not row.daily_budget:
        return "–"
    if row.daily_budget == UNKNOWN_BUDGET:
        return "Not known"
    places = len(row.daily_budget.partition(".")[2])
    return money_text(Decimal(row.daily_budget), row.currency, places=places)


def changer_of(row: MirroredAdCampaign) -> str:
    """Return who made the last change that was seen; of names and currencies Walker doesn't look it up."""
    if row.changer:
        return f"by {row.changer}"
    if not set(row.changed) & set(LOGGED):
        return ""
    return "looking up who made it" if is_unexplained(row, now()) else "not in the change log"


def request_url(row: MirroredAdCampaign, kinds: Sequence[str]) -> str:
    """Return where a change of an ad campaign is requested, "" if nothing can be: the first kind's form, filled in."""
    if not kinds or row.gone_at:
        return ""
    return f"{reverse('admin:hitl_approval_new')}?{urlencode({'kind': kinds[0], 'target': str(row.pk)})}"


def mirror_rows(state: MirrorState, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of the table of ad campaigns; `kinds` are those that the viewer may request."""
    return [
        {
            "name": visible(row.name),
            "status": chip("No longer there", "warn", "ban") if row.gone_at else chip(row.status.capitalize()),
            "budget": budget_of(row),
            "changed": row.changed_at,
            "what": ", ".join(fact.replace("_", " ") for fact in row.changed).capitalize(),
            "by": changer_of(row),
            "seen": state.seen_at(row),
            "request_url": request_url(row, kinds),
        }
        for row in state.rows
    ]


def quieted(offer: dict[str, Any], row: ProviderAccount) -> dict[str, Any]:
    """Return an action to offer: reconnecting stands out only where something waits for it."""
    if offer["action"].path != "reconnect" or row.state in (State.EXPIRED, State.DISCONNECTED):
        return offer
    return {**offer, "action": replace(offer["action"], tone="neutral")}


@admin.register(ProviderAccount)
class ConnectionAdmin(ServiceAdmin):
    view_permission = VIEW
    nav = Nav("Connections", "bolt", SETTINGS, ORGANISATION, order=35)
    intro = (
        "Outside systems that Walker reads from and works in, such as advertising accounts. "
        "Secrets are kept encrypted, and nobody can read them here."
    )
    empty_title = "No connections yet"
    empty_text = "Connect the first outside system. Agents can then read from it and request changes."
    masked_fields = ("credentials",)
    list_display = ("title", "system", "account", "standing", "is_used", "last_error_words")
    ordering = ("provider", "id")
    detail_fields = (
        "system", "account", "standing", "is_used", "ends", "last_call", "quota", "last_error_words", "failed", "since",
    )  # fmt: skip
    detail_template = "console/connection.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderAccount]:
        cursors = SyncCursor.objects.filter(connection=OuterRef("pk"), stream=AD_CAMPAIGNS)
        rows = selectors.list_connections(viewer=viewer_of(request)).defer("credentials")
        return rows.annotate(updates_paused_at=Subquery(cursors.values("paused_at")))

    def get_site_urls(self) -> list[URLPattern]:
        """Return the address at which vendors send people back."""
        view = self.admin_site.admin_view(self.callback_view)
        return [path("connections/callback/", view, name="connection_callback")]

    def object_title(self, obj: ProviderAccount) -> str:
        return visible(obj.name)

    title = Column[ProviderAccount]("Name", lambda row: visible(row.name))
    system = Column[ProviderAccount]("System", system_of)
    account = Column[ProviderAccount](
        "Account there", lambda row: visible(f"{row.external_name} ({row.external_id})") if row.external_id else "–"
    )
    standing = Column[ProviderAccount]("State", lambda row: chip(str(row.state.label), *LOOKS[row.state]))
    is_used = Column[ProviderAccount](
        "Used by tools", lambda row: "Yes, the default" if row.is_active and row.is_default else "No"
    )
    last_error_words = Column[ProviderAccount]("Last error", error_of)
    last_call = Column[ProviderAccount]("Last call", last_call_of)
    quota = Column[ProviderAccount]("Quota", quota_of)
    ends = Column[ProviderAccount]("Consent ends", lambda row: moment(row.expires_at, "–"))
    failed = Column[ProviderAccount]("Failed last", lambda row: moment(row.last_error_at, "–"))
    since = Column[ProviderAccount]("Connected", lambda row: exact(row.connected_at, "–"))

    def detail_context(self, request: HttpRequest, obj: ProviderAccount) -> dict[str, Any]:
        """Return the fields, what the connection is used for, and what is wrong with it."""
        found = super().detail_context(request, obj)
        viewer = viewer_of(request)
        mirror, platform = find_mirror(viewer=viewer, connection=obj), platforms.find(obj.provider)
        kinds = platforms.kinds_for(obj, AD_CAMPAIGN) if viewer.may(PROPOSE) else []
        return {
            **found,
            "mirror": mirror,
            "ad_campaigns": mirror_rows(mirror, kinds) if mirror else [],
            "minutes": EVERY.total_seconds() // 60,
            "mirror_trouble": describe(mirror.cursor.last_error) if mirror and mirror.cursor else "",
            "offered": sorted(
                (quieted(offer, obj) for offer in found["offered"] if not offer["blocked"]),
                key=lambda offer: offer["action"].tone == "danger",
            ),
            "uses": selectors.uses_of(obj).in_words(),
            "notes": registry.notes_of(obj),
            "webhook": selectors.webhook_of(obj),
            "webhook_words": platform.webhook_words if platform else "",
            "webhook_missing": obj.webhook_missing,
            "state": obj.state.value,
            "trouble": error_of(obj),
            "panels": registry.panels_of(viewer, obj),
        }

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: ProviderAccount | None) -> str:
        """Return why an action doesn't apply now."""
        if obj is None:
            return ""
        if obj.state not in BY_STATE.get(action.path, tuple(State)):
            return f"This connection is {str(obj.state.label).lower()}."
        provider = provider_or_none(obj)
        if provider is None and action.path in ("test", "rotate", "reconnect"):
            return "This installation doesn't know the system any more."
        if action.path == "rotate" and provider is not None and provider.consent is not None:
            return "Its tokens are renewed by themselves. Reconnect it to allow it again."
        if action.path == "reconnect" and obj.state == State.ACTIVE and provider is not None and not provider.consent:
            return "This connection works. Rotate its credentials instead."
        if action.path in ("pause-updates", "resume-updates"):
            if obj.provider not in platforms.mirrored():
                return "Walker doesn't keep ad campaigns of this system."
            read: Any = obj  # with what `get_queryset` adds
            is_paused = read.updates_paused_at is not None
            if is_paused == (action.path == "pause-updates"):
                return "Updates are paused already." if is_paused else "Updates aren't paused."
        return "It is the default already." if action.path == "make-default" and obj.is_default else ""

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        """Return the form of an action, with the fields of the provider's credentials."""
        given: tuple[Any, ...] = (request.POST,) if bound else ()
        prefix = {"auto_id": f"id_{action.path}_%s"}
        if issubclass(action.form, ConnectForm):
            return action.form(*given, **prefix)
        if issubclass(action.form, CredentialsForm):
            return action.form(*given, provider=provider_or_none(obj), stored=obj.credentials, **prefix)
        if issubclass(action.form, ChoiceForm):
            return action.form(*given, row=obj, **prefix)
        return super().action_form(request, action, obj, bound=bound)

    def form_page(
        self, request: HttpRequest, action: ServiceAction, obj: Any, form: ConsoleForm, status: int
    ) -> HttpResponse:
        """Name the system that is being connected, and say how."""
        system = form.system if isinstance(form, ConnectForm) else None
        if system is not None:
            asks = f"{system.title} asks you to sign in there and to allow it. The next page says what."
            action = replace(action, title=f"Connect {system.title}", explain=asks if system.consent else TRIED)
        return super().form_page(request, action, obj, form, status)

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        return {"name": obj.name} if action.path == "rename" else {}

    @service_action(
        title="Connect a system",
        permission=MANAGE,
        form=ConnectForm,
        tone="good",
        on_list=True,
    )
    def connect(self, request: HttpRequest, obj: None, form: ConnectForm) -> HttpResponse | str:
        """Connect an account, or show the way to the vendor's consent page."""
        said = form.cleaned_data
        if form.system is None:
            return HttpResponseRedirect(self.list_url())
        if form.system.consent is not None:
            return self._leave(request, provider=form.system.key, name=said["name"])
        actor = viewer_of(request)
        row = services.connect(actor=actor, provider=form.system.key, name=said["name"], credentials=form.credentials())
        return self._to(request, row, "“{}” is connected.")

    def _leave(self, request: HttpRequest, **wanted: Any) -> HttpResponse:
        """Say in words what will be asked, with the link to the vendor: a form may not lead to another site."""
        start = services.begin_consent(
            actor=viewer_of(request), session=str(request.session.session_key or ""), **wanted
        )
        context = self.page_context(request, f"Allow access to {start.provider.title}", start=start)
        headers = {"Cache-Control": "no-store"}
        return TemplateResponse(request, "console/connection_consent.html", context, headers=headers)

    def _to(self, request: HttpRequest, row: ProviderAccount, words: str) -> HttpResponse:
        self.message_user(request, words.format(visible(row.name)))
        return HttpResponseRedirect(self.object_url(row))

    def callback_view(self, request: HttpRequest) -> HttpResponse:
        """Take a person back from the vendor. The address holds a code, so nothing of it is kept or shown."""
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        viewer = viewer_of(request)
        if not viewer.may(MANAGE):
            raise PermissionDenied("Your role doesn't allow this.")
        said = {name: request.GET.get(name, "")[:PARAMETER_LIMIT] for name in ("state", "code", "error")}
        try:
            row = services.finish_consent(actor=viewer, session=str(request.session.session_key or ""), **said)
        except WalkerError as problem:
            context = self.page_context(request, "Not connected", problem=explain(problem))
            return TemplateResponse(request, "console/connection_failed.html", context, status=problem.status)
        words = "Choose which account “{}” is for." if row.choices else "“{}” is connected."
        return self._to(request, row, words)

    choose = calls(
        services.choose_account,
        "connection_id",
        title="Choose account",
        permission=MANAGE,
        form=ChoiceForm,
        submit="Use this account",
        tone="primary",
        explain="The consent reaches several accounts. Walker reads and works in the one that you choose.",
        done="Walker uses this account from now on.",
    )

    @service_action(
        title="Test connection",
        path="test",
        permission=MANAGE,
        submit="Test",
        explain="Makes one reading call and says what the system answers.",
    )
    def try_it(self, request: HttpRequest, obj: ProviderAccount, form: ConsoleForm) -> HttpResponse | str:
        """Test a connection and say what came of it."""
        found = services.test_connection(actor=viewer_of(request), connection_id=obj.pk)
        if found.is_working:
            return f"It works: {visible(found.words)}."
        self.message_user(request, found.words, level="error")
        return HttpResponseRedirect(self.object_url(obj))

    @service_action(
        title="Reconnect",
        permission=MANAGE,
        form=CredentialsForm,
        tone="primary",
        explain="Connects the same account again. What waited for it goes on.",
    )
    def reconnect(self, request: HttpRequest, obj: ProviderAccount, form: CredentialsForm) -> HttpResponse | str:
        """Reconnect by new credentials, or show the way to the vendor's consent page."""
        provider = providers.get(obj.provider)
        if provider.consent is not None:
            return self._leave(request, provider=provider.key, connection_id=obj.pk)
        services.reconnect(actor=viewer_of(request), connection_id=obj.pk, credentials=form.credentials())
        return "It is connected again."

    rotate = calls(
        services.rotate,
        "connection_id",
        title="Rotate credentials",
        permission=MANAGE,
        form=CredentialsForm,
        submit="Test and replace",
        values=lambda form: {"credentials": form.credentials()},
        explain="The old credentials stay in use until the system has accepted the new ones.",
        done="The new credentials are in use.",
    )
    make_default = calls(
        services.make_default,
        "connection_id",
        title="Make default",
        permission=MANAGE,
        explain="Agents, requests and the daily brief then use this connection instead of the other one.",
        done="Tools use this connection from now on.",
    )
    rename = calls(services.rename, "connection_id", title="Rename", permission=MANAGE, form=RenameForm,
                   submit="Save", done="The name was saved.")  # fmt: skip
    pause_updates = calls(
        mirrors.pause_updates,
        "connection_id",
        title="Pause updates",
        permission=MANAGE,
        explain="Walker stops reading ad campaigns over this connection by itself. Agents and requests still use it.",
        done="Updates are paused.",
    )
    resume_updates = calls(
        mirrors.resume_updates,
        "connection_id",
        title="Resume updates",
        permission=MANAGE,
        explain="Walker reads the ad campaigns again every few minutes.",
        done="Walker reads the ad campaigns again.",
    )
    disconnect = deletes(services.disconnect, "connection_id", MANAGE, title="Disconnect",
                         explain="Deletes its credentials and tokens. What is named under Used for stops until you "
                         "connect it again.", done="It is disconnected.")  # fmt: skip
