"""Console pages of one's own profile, sessions and devices."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from accounts.company import people
from accounts.linked import accounts as linked
from accounts.linked import providers
from accounts.members import pictures, profile
from accounts.models import BrowserSession, Identity, IdentityProvider, Membership, TokenFamily, User
from accounts.permissions.roles import name_of_role, permissions_here
from accounts.sign_in import sessions
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import YOURS, Nav
from console.permissions import list_permissions
from console.templatetags.console_ui import chip, moment
from console.time_zones import OWN_ZONE, zone_choices
from console.viewers import viewer_of


class NameForm(ConsoleForm):
    """One's own name."""

    first_name = forms.CharField(
        label="First name",
        max_length=profile.LONGEST_PART,
        help_text="The customers you answer see it, in chats that show who answers. They never see your last name.",
    )
    last_name = forms.CharField(label="Last name", max_length=profile.LONGEST_PART)


class ProfileForm(ConsoleForm):
    """One's own language, time zone and email signature."""

    language = forms.ChoiceField(
        label="Language",
        choices=Membership.Language.choices,
        help_text="Of your daily brief, and of messages that your organisation has written in it. The console speaks "
        "English.",
    )
    zone = forms.ChoiceField(
        label="Time zone",
        choices=lambda: [OWN_ZONE, *zone_choices()],
        required=False,
        help_text="Of the times that you read and enter. Figures, exports and spending limits count your "
        "organisation's days.",
    )
    signature = forms.CharField(
        label="Email signature",
        required=False,
        max_length=profile.LONGEST_SIGNATURE,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Customers read it below your replies by email.",
    )


class PictureForm(ConsoleForm):
    """One's own picture."""

    picture = forms.FileField(
        label="Picture",
        widget=forms.FileInput(attrs={"accept": ",".join(pictures.KINDS)}),
        help_text="PNG, JPEG or WebP, up to 2 MB. The square in its middle is kept, without what else is in the file.",
    )


class UnlinkForm(ConsoleForm):
    """Which account elsewhere."""

    provider = forms.ChoiceField(label="Account", widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["provider"].choices = self.initial.get("linked", [])  # type: ignore[attr-defined]


@admin.register(User)
class ProfileAdmin(ServiceAdmin):
    """The viewer's own name, picture and roles; no other person's."""

    view_permission = profile.USE
    nav = Nav("Profile", "person", YOURS, order=1)
    intro = "Your name, picture, language, time zone and email signature, and what your role allows."
    detail_template = "console/profile.html"
    detail_fields = ("address", "role")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return the viewer, with what their membership of this organisation says."""
        own = Membership.objects.filter(user_id=OuterRef("pk"))
        here = {f"own_{name}": Subquery(own.values(name)[:1]) for name in ("pk", "role", "picture_key")}
        person: Any = viewer_of(request).user_id
        return User.objects.filter(pk=person).annotate(**here)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the profile: there is one."""
        return self.detail_view(request, viewer_of(request).user_id)  # type: ignore[arg-type]

    def detail_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return the profile, roles and actions; the template lists the other pages of one's own."""
        context = super().detail_context(request, obj)
        company, accounts = self.company_of(obj), self.linked_of(request)
        is_there = {
            "remove-picture": obj.own_picture_key,
            "disconnect-company": company.get("is_connected"),
            "unlink-account": any(row for _, row, _ in accounts),
        }
        return {
            **context,
            "offered": [one for one in context["offered"] if is_there.get(one["action"].path, True)],
            "allowed": list_permissions(permissions_here(obj.own_role)),
            "yours": YOURS,
            "list_url": "",
            "company": company,
            "linked": accounts,
            "own": profile.read_profile(viewer=viewer_of(request)),
        }

    def company_of(self, person: User) -> dict[str, Any]:
        """Return where the person connects the organisation's sign-in, and whether they have; {} without one."""
        row = IdentityProvider.objects.only("slug", "issuer").first()
        if row is None:
            return {}
        is_connected = Identity.objects.filter(user=person, issuer=row.issuer).exists()
        return {"url": reverse("company_start", args=[row.slug]), "is_connected": is_connected}

    def linked_of(self, request: HttpRequest) -> list[tuple[str, Any, str]]:
        """Return for each provider its name, the viewer's account there, and where they link one.

        There is nothing to link at a provider that isn't offered, or for a person that a company signs in.
        """
        viewer, user = viewer_of(request), request.user
        own, offered = linked.list_own(viewer=viewer), providers.offered()
        can_link = not viewer.by_company and isinstance(user, User) and user.has_usable_password()
        return [
            (label, own.get(key), reverse("linked_start", args=[key]) if key in offered and can_link else "")
            for key, label in providers.LABELS.items()
            if key in own or (key in offered and can_link)
        ]

    def object_title(self, obj: User) -> str:
        """Return the name of the page."""
        return self.list_label

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Start with what the profile says."""
        own = profile.read_profile(viewer=viewer_of(request))
        told = {name: getattr(own, name) or "" for name in ("language", "zone", "signature")}
        own_accounts = linked.list_own(viewer=viewer_of(request)) if action.path == "unlink-account" else {}
        accounts = [(key, providers.LABELS[key]) for key in own_accounts]
        return {"first_name": obj.first_name, "last_name": obj.last_name, "linked": accounts, **told}

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Block removing a picture that isn't there."""
        is_missing = action.path == "remove-picture" and not obj.own_picture_key
        return "You have no picture." if is_missing else ""

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return to the profile, which has the list's address."""
        return self.list_url()

    address = Column[User]("Email address", lambda person: person.mail_address)
    role = Column[Any]("Role in this organisation", lambda person: name_of_role(person.own_role))

    change_name = calls(
        profile.change_name,
        title="Change name",
        submit="Save name",
        permission=profile.USE,
        form=NameForm,
        tone="primary",
        on_list=False,
        done="Your name is saved.",
    )
    preferences = calls(
        profile.change_profile,
        title="Language, time zone, email signature",
        submit="Save",
        permission=profile.USE,
        form=ProfileForm,
        on_list=False,
        explain="They are for this organisation.",
        done="Your profile is saved.",
    )
    picture = calls(
        pictures.save_picture,
        title="Change picture",
        submit="Upload",
        permission=profile.USE,
        form=PictureForm,
        on_list=False,
        explain="Colleagues see it here, and customers beside your first name.",
        done="Your picture is saved.",
    )
    disconnect_company = calls(
        people.unlink,
        title="Disconnect company sign-in",
        permission=profile.USE,
        tone="danger",
        on_list=False,
        explain="You sign in with your password again. Sessions that your company began end.",
        done="Your company sign-in is disconnected.",
    )
    unlink_account = calls(
        linked.unlink_account,
        title="Unlink an account",
        submit="Unlink",
        permission=profile.USE,
        form=UnlinkForm,
        tone="danger",
        on_list=False,
        explain="It no longer signs you in. Your password and your sessions stay.",
        done="The account is unlinked.",
    )
    remove_picture = calls(
        pictures.remove_picture,
        "membership_id",
        of="own_pk",
        title="Remove picture",
        permission=profile.USE,
        explain="Your initials are shown instead.",
        done="Your picture is removed.",
    )


@admin.register(BrowserSession)
class SessionAdmin(ServiceAdmin):
    """Where the viewer is signed in; nobody sees another person's sessions."""

    view_permission = profile.USE
    nav = Nav("Sessions", "door", YOURS, order=75)
    intro = (
        "Where you're signed in. Sign out where you don't recognise it, then change your password. "
        "Only you see this list."
    )
    empty_title = "No sessions yet"
    empty_text = "Each browser in which you sign in is listed here."
    ordering = ("-seen_at", "pk")
    list_display = ("browser", "place", "seen")
    detail_fields = ("browser", "place", "seen")
    to_list: ClassVar = ("end",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BrowserSession]:
        """Return the viewer's own open sessions."""
        return sessions.list_own(viewer=viewer_of(request))

    def prepare_rows(self, request: HttpRequest, rows: list[BrowserSession]) -> None:
        """Mark the session of this request."""
        for row in rows:
            row.is_this = sessions.is_this(row, request.session.session_key)  # type: ignore[attr-defined]

    def object_title(self, obj: BrowserSession) -> str:
        """Return browser and system."""
        return obj.device

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Block ending the session of this request by mistake."""
        is_this = obj is not None and sessions.is_this(obj, request.session.session_key)
        return "You're using this session. Sign out in the menu under your name." if is_this else ""

    @admin.display(description="Browser")
    def browser(self, session: BrowserSession) -> str:
        """Return browser and system, and whether it is this one."""
        is_this = getattr(session, "is_this", False)
        return format_html("{} {}", session.device, chip("This one", "good", "check")) if is_this else session.device

    place = Column[BrowserSession]("Network", lambda session: session.network or "–")
    seen = Column[BrowserSession]("Last seen", lambda session: str(moment(session.seen_at)))

    end = calls(
        sessions.end_session,
        "session_id",
        title="Sign out here",
        permission=profile.USE,
        submit="Sign out",
        tone="danger",
        explain="Pages that are open there close at once.",
        done="That session is signed out.",
    )

    @service_action(
        title="Sign out everywhere else",
        permission=profile.USE,
        tone="danger",
        on_list=True,
        explain="All your other sessions end, their open pages close at once, and your apps are signed out. This one "
        "stays.",
    )
    def end_others(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """End all sessions of the viewer but this one."""
        key = request.session.session_key or ""
        ended = sessions.end_other_sessions(actor=viewer_of(request), session_key=key)
        return f"{ended} session{'' if ended == 1 else 's'} signed out." if ended else "You had no other session."


@admin.register(TokenFamily)
class DeviceAdmin(ServiceAdmin):
    """Where the viewer is signed in to the API; nobody sees another person's devices."""

    view_permission = profile.USE
    nav = Nav("Apps", "phone", YOURS, order=76)
    intro = (
        "Where you're signed in to the API of this organisation. Sign out what you don't recognise, then change your "
        "password. Only you see this list."
    )
    empty_title = "No apps yet"
    empty_text = "Each app in which you sign in with your password is listed here."
    ordering = ("-used_at", "pk")
    list_display = ("where", "place", "begun", "used")
    detail_fields = ("where", "place", "begun", "used")
    to_list: ClassVar = ("end",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TokenFamily]:
        """Return the viewer's own devices that are signed in."""
        return sessions.list_devices(viewer=viewer_of(request))

    def object_title(self, obj: TokenFamily) -> str:
        """Return browser or app, and system."""
        return obj.device

    where = Column[TokenFamily]("App", lambda family: family.device)
    place = Column[TokenFamily]("Network", lambda family: family.network or "–")
    begun = Column[TokenFamily]("Signed in", lambda family: str(moment(family.created_at)))
    used = Column[TokenFamily]("Last used", lambda family: str(moment(family.used_at)))

    end = calls(
        sessions.end_device,
        "family_id",
        title="Sign out here",
        permission=profile.USE,
        submit="Sign out",
        tone="danger",
        explain="The app is refused from its next request on, and has to ask for your password.",
        done="That app is signed out.",
    )
