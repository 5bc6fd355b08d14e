"""Console page of the company's sign-in: connect the organisation's identity provider, try it, require it."""

from typing import Any, ClassVar
from uuid import UUID

from allauth.core.exceptions import ReauthenticationRequired
from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from accounts.company import providers, trips
from accounts.company.claims import LEVELS
from accounts.company.directory import tokens
from accounts.company.protocol import SignInFailed
from accounts.company.providers import MANAGE, ProviderSettings
from accounts.company.rules import ROLES, given_now
from accounts.models import IdentityProvider, Membership
from accounts.permissions.roles import name_of_role
from console.base.actions import ServiceAction, service_action, show_once
from console.base.crud import calls, creates, deletes, edits
from console.base.forms import ConsoleForm, VersionedForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.templatetags.console_ui import chip, clock
from console.viewers import viewer_of
from core.errors import Conflict


class ProviderForm(ConsoleForm):
    """What Walker has to know of the provider, and what that decides. The secret is never shown again."""

    issuer = forms.CharField(
        label="Issuer",
        max_length=providers.LIMITS["issuer"],
        help_text="The address by which your provider calls itself, such as https://login.example.com/realms/staff.",
    )
    client_id = forms.CharField(label="Client ID", max_length=providers.LIMITS["client_id"])
    client_secret = forms.CharField(
        label="Client secret",
        max_length=providers.LIMITS["client_secret"],
        required=False,
        widget=forms.PasswordInput(attrs={"class": "wk-input", "autocomplete": "off"}),
    )
    scopes = forms.CharField(label="Scopes", max_length=providers.LIMITS["scopes"], initial="openid email profile")
    groups_claim = forms.CharField(
        label="Claim with the groups",
        max_length=providers.LIMITS["groups_claim"],
        initial="groups",
        help_text="Where your provider lists the groups of a person.",
    )
    rules = forms.CharField(
        label="Roles and teams by group",
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=(
            "A line for each group: group = role; team, team. The first line with a role counts, and the teams of all "
            f"lines. Roles: {', '.join(ROLES)}, or the names of your own. Leave the role out where a group "
            "only gives teams."
        ),
    )
    proofs = forms.CharField(
        label="What counts as a second factor or a key",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=(
            "A line for each value of amr or acr that your provider sends: amr otp = second factor. Levels: "
            f"{', '.join(LEVELS.values())}. The strongest one counts. Without lines nothing counts but Walker's own."
        ),
    )
    default_role = forms.ChoiceField(
        label="Role of everyone else",
        choices=[(role, Membership.Role(role).label) for role in ROLES],
        initial=Membership.Role.VIEWER,
    )
    creates_people = forms.TypedChoiceField(
        label="People who sign in for the first time",
        choices=[("no", "Need an invitation"), ("yes", "Get in with their role and teams")],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        initial="no",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if callback := self.initial.get("callback"):
            self.fields["client_id"].help_text = f"Register Walker there with the redirect address {callback}"

    def settings(self) -> ProviderSettings:
        """Return what was entered. Raises `Invalid` for a line that can't be read."""
        said = {name: value for name, value in self.cleaned_data.items() if name != "version"}
        lines = {"rules": providers.rules_of(said["rules"]), "proofs": providers.proofs_of(said["proofs"])}
        return ProviderSettings(**{**said, **lines})


class ChangedProviderForm(ProviderForm, VersionedForm):
    """The same of a provider that is connected; an empty secret keeps the one that is stored."""


class RequireForm(VersionedForm):
    """Who gets in by password all the same."""

    owners = forms.TypedMultipleChoiceField(
        label="Emergency owners",
        coerce=UUID,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="They get in by password and second factor when your provider is down. Only owners with a "
        "password and a second factor can be chosen.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owners"].choices = self.initial.get("choices", [])  # type: ignore[attr-defined]


class DirectoryForm(ConsoleForm):
    """How the people of the directory are recognised when they sign in."""

    person_claim = forms.ChoiceField(
        label="Claim with a person's id in the directory",
        choices=tuple(tokens.CLAIMS.items()),
        help_text="What your directory sends as externalId. By it people that it has pushed are recognised at their "
        "first sign-in.",
    )


def directory_state(row: IdentityProvider) -> str:
    """Return whether a directory is connected, and when it was last heard from."""
    directory = tokens.directory_of(row)
    if directory is None:
        return "Not connected"
    return f"Last heard from {clock(directory.used_at)}" if directory.used_at else "Never heard from"


def withheld(row: IdentityProvider) -> str:
    """Return the roles that the rules name and don't give now."""
    names = ", ".join(given_now(row).lacking.values())
    told = "Deleted, or allows more than the person who saved the rules can give. Another owner can save them again."
    return f"{names}. {told}" if names else "None"


def standing(row: IdentityProvider) -> str:
    """Return whether passwords still open the organisation."""
    return chip("Required", "good", "shield") if row.is_required else chip("Optional", "neutral", "check")


@admin.register(IdentityProvider)
class CompanySignInAdmin(ServiceAdmin):
    """The organisation's identity provider, for those who may change it."""

    view_permission = MANAGE
    nav = Nav("Company sign-in", "door", SETTINGS, ORGANISATION, order=25)
    intro = (
        "Let people sign in at your company, by OpenID Connect, with the roles and teams of their groups there. Only "
        "owners can change it: your provider can sign in everybody who is connected with it."
    )
    empty_title = "No company sign-in yet"
    empty_text = "Connect your company's identity provider, try it, and require it once everybody is connected."
    masked_fields = ("client_secret",)
    list_display = ("issuer", "standing")
    ordering = ("id",)
    detail_fields = (
        *("issuer", "client", "scopes", "standing", "by_groups", "everyone_else", "withheld", "newcomers"),
        *("proven", "unconnected", "people_address", "callback", "logout", "directory", "directory_address"),
    )
    to_list: ClassVar = ("remove",)
    edit_page = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdentityProvider]:
        """Return the organisation's provider, without its secret."""
        return providers.list_providers(viewer=viewer_of(request))

    def object_title(self, obj: IdentityProvider) -> str:
        """Return the name of the page."""
        return self.list_label

    client = Column[IdentityProvider]("Client ID", lambda row: row.client_id)
    standing = Column[IdentityProvider]("Passwords", standing)
    newcomers = Column[IdentityProvider](
        "People who sign in for the first time",
        lambda row: "Get in with their role and teams" if row.creates_people else "Need an invitation",
    )
    by_groups = Column[IdentityProvider](
        "Roles and teams by group",
        lambda row: format_html('<pre class="wk-mono">{}</pre>', providers.text_of(row.rules)) if row.rules else "–",
    )
    everyone_else = Column[IdentityProvider]("Role of everyone else", lambda row: name_of_role(row.default_role))
    withheld = Column[IdentityProvider]("Roles that aren't given now", withheld)
    proven = Column[IdentityProvider](
        "What counts as a second factor or a key",
        lambda row: (
            format_html('<pre class="wk-mono">{}</pre>', providers.text_of_proofs(row.proofs)) if row.proofs else "–"
        ),
    )
    unconnected = Column[IdentityProvider](
        "Members who never connected", lambda row: str(providers.count_unconnected(row))
    )
    people_address = Column[IdentityProvider]("Address for your people", trips.start_url)
    callback = Column[IdentityProvider]("Redirect address", trips.callback_url)
    logout = Column[IdentityProvider]("Back-channel logout address", trips.logout_url)

    directory = Column[IdentityProvider]("Directory", directory_state)
    directory_address = Column[IdentityProvider]("Address for your directory", lambda _: tokens.address())

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Block a second provider, and what is so already."""
        if obj is None:
            has_one = IdentityProvider.objects.exists()
            return "Your organisation has a company sign-in. Open it to change it." if has_one else ""
        if action.path == "remove" and obj.is_required:
            return "It is required. Stop requiring it first."
        if action.path == "disconnect-directory" and tokens.directory_of(obj) is None:
            return "No directory is connected."
        return "It isn't required." if action.path == "stop-requiring" and not obj.is_required else ""

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Go from connecting to the page where it is tried, and from removing to the empty list."""
        made = IdentityProvider.objects.first() if obj is None else None
        return self.object_url(made) if made else super().after_action_url(request, action, obj)

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Start with what is stored; nothing of the secret."""
        if obj is None:
            draft = IdentityProvider(slug=request.tenant.slug)  # type: ignore[attr-defined]
            return {"callback": trips.callback_url(draft)}
        if action.path == "require":
            owners = list(providers.emergency_choices())
            chosen = [str(one.pk) for one in owners if one.sign_in == Membership.SignIn.FACTOR]
            choices = [(str(one.pk), one.user.get_full_name()) for one in owners]
            return {"version": obj.version, "choices": choices, "owners": chosen}
        kept = ("issuer", "client_id", "scopes", "groups_claim", "default_role", "version")
        return {
            **{name: getattr(obj, name) for name in kept},
            "rules": providers.text_of(obj.rules),
            "proofs": providers.text_of_proofs(obj.proofs),
            "creates_people": "yes" if obj.creates_people else "no",
            "callback": trips.callback_url(obj),
        }

    def form_page(
        self, request: HttpRequest, action: ServiceAction, obj: Any, form: ConsoleForm, status: int
    ) -> HttpResponse:
        """Ask for the password before a secret is typed in: a form that waits for it is kept meanwhile."""
        is_asked_for = request.method != "POST" and action.path in ("create", "edit")
        if is_asked_for and not viewer_of(request).proven_lately:
            raise ReauthenticationRequired
        return super().form_page(request, action, obj, form, status)

    create = creates(
        providers.connect_provider,
        MANAGE,
        ProviderForm,
        title="Connect your provider",
        submit="Connect",
        values=lambda form: {"settings": form.settings()},
        explain="Walker reads what the issuer publishes before it stores anything. Nobody has to use it yet.",
        done="Your provider is connected. Try it now.",
    )
    edit = edits(
        providers.revise_provider,
        "provider_id",
        MANAGE,
        ChangedProviderForm,
        values=lambda form: {"settings": form.settings()},
        explain="Leave the secret empty to keep it. With another issuer nobody stays connected. If you change what "
        "counts as a second factor or a key, everyone it signed in is signed out.",
        done="Saved.",
    )

    @service_action(
        title="Try it",
        path="try",
        permission=MANAGE,
        tone="primary",
        explain="Sign in at your provider as yourself. You see what it says about you, and the role and teams that "
        "this leads to. Nobody is signed in and nothing is changed.",
    )
    def try_it(self, request: HttpRequest, obj: IdentityProvider, form: ConsoleForm) -> HttpResponse:
        """Show the way to the provider as a link: a form may not lead to another site."""
        row = IdentityProvider.objects.get(pk=obj.pk)
        try:
            url = trips.begin(request, row, trips.Purpose.TRY, next_url=self.object_url(obj))
        except SignInFailed as problem:
            raise Conflict(f"{problem.detail} {problem.why}".strip(), code=problem.code) from None
        context = {
            "heading": "Try your company sign-in",
            "words": "Continue, and sign in there as yourself.",
            "url": url,
        }
        return TemplateResponse(request, "accounts/company_go.html", context, headers={"Cache-Control": "no-store"})

    require = calls(
        providers.require_company,
        "provider_id",
        title="Require it",
        permission=MANAGE,
        form=RequireForm,
        submit="Require it",
        values=lambda form: {"owners": [*form.cleaned_data["owners"]]},
        explain="Passwords then open your organisation only to the emergency owners, with their second factor. "
        "Everyone else signs in at your company. Members who aren't connected yet are asked to connect first. Apps are "
        "signed out, API keys keep working.",
        done="Your company sign-in is required from now on.",
    )
    stop_requiring = calls(
        providers.stop_requiring,
        "provider_id",
        title="Stop requiring it",
        permission=MANAGE,
        explain="Passwords open your organisation again, for those who have one.",
        done="Your company sign-in is optional from now on.",
    )

    @service_action(
        title="Connect a directory",
        path="directory",
        permission=MANAGE,
        form=DirectoryForm,
        submit="Make a token",
        explain="Your directory pushes people and groups by SCIM, with a token that can do nothing you may not. A new "
        "token ends the one before.",
    )
    def connect_directory(self, request: HttpRequest, obj: IdentityProvider, form: ConsoleForm) -> HttpResponse:
        """Make a token and show it once."""
        claim = form.cleaned_data["person_claim"]
        token = tokens.make_token(actor=viewer_of(request), provider_id=obj.pk, person_claim=claim)
        return show_once(self, request, self.object_url(obj), title="Your directory's token", secret=token)

    disconnect_directory = calls(
        tokens.disconnect_directory,
        "provider_id",
        title="Disconnect the directory",
        path="disconnect-directory",
        permission=MANAGE,
        tone="danger",
        explain="Its token ends. People that it has pushed stay members, and nobody is switched off from there any "
        "more. Their roles follow their groups at their sign-in again.",
        done="The directory is disconnected.",
    )
    remove = deletes(
        providers.remove_provider,
        "provider_id",
        MANAGE,
        title="Remove",
        explain="Its secret and your directory's token are deleted, and everyone it signed in is signed out. People "
        "without a password can't sign in until you connect it again.",
        done="Your company sign-in is removed.",
    )
