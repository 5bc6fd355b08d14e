"""The console's page of help centres: what stands on their first page, and whether they are public."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from agents.knowledge import selectors, services
from agents.knowledge.help import centres
from agents.models import Document, HelpCentre
from console.base.actions import ServiceAction
from console.base.crud import calls, edits
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import CHANNELS, SETTINGS, Nav
from console.templatetags.console_ui import chip, link
from console.viewers import viewer_of


class CentreForm(ConsoleForm):
    """A help centre."""

    title = forms.CharField(label="Title", max_length=centres.TITLE_LIMIT, help_text="Such as “Acme help”.")
    introduction = forms.CharField(
        label="Introduction (optional)",
        required=False,
        max_length=centres.INTRODUCTION_LIMIT,
        help_text="One sentence above the search.",
    )
    language = forms.ChoiceField(
        label="Language", choices=Document.Language.choices, initial="en", help_text="Language of the first page."
    )
    colour = forms.CharField(
        label="Colour",
        initial=centres.COLOUR,
        max_length=7,
        widget=forms.TextInput(attrs={"type": "color"}),
        help_text="For buttons and links. Has to be readable on white; the dark theme uses a lighter shade.",
    )
    is_public = forms.BooleanField(
        label="Published",
        required=False,
        help_text="Everyone on the internet can read the articles of your public collections.",
    )


class NewCentreForm(CentreForm):
    """A help centre of a web chat."""

    field_order = ("account_id", "title", "introduction", "language", "colour", "is_public")
    account_id = forms.ChoiceField(label="Web chat", help_text="It is offered beside the articles.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["account_id"].choices = centres.channel_choices()


@admin.register(HelpCentre)
class HelpCentreAdmin(ServiceAdmin):
    """Help centres."""

    view_permission = selectors.VIEW
    nav = Nav("Help centre", "link", SETTINGS, CHANNELS, order=25)
    intro = "Public pages with the articles of your public collections, beside your web chat."
    empty_title = "No help centre yet"
    empty_text = "Create one for a web chat. Nobody can open it until you publish it."
    list_display = ("title", "chat", "standing", "spoken")
    ordering = ("title", "id")
    detail_fields = ("title", "introduction", "chat", "standing", "public_address", "site_map", "spoken", "shade")

    def get_queryset(self, request: HttpRequest) -> QuerySet[HelpCentre]:
        """Return the help centres."""
        return centres.query_centres(viewer=viewer_of(request)).order_by(*self.ordering)

    chat = Column[HelpCentre](
        "Web chat",
        lambda row: link("conversations_channelaccount_change", row.channel_account_id, row.channel_account.name),
    )
    spoken = Column[HelpCentre]("Language", lambda row: row.get_language_display())
    shade = Column[HelpCentre]("Colour", lambda row: row.colour)

    @admin.display(description="State")
    def standing(self, row: HelpCentre) -> str:
        """Return whether people can open it."""
        if not row.is_public:
            return chip("Off", "neutral", "ban")
        is_open = row.channel_account.is_active
        return chip("Public", "good", "check") if is_open else chip("Off: its web chat is closed", "warn", "alert")

    @admin.display(description="Address")
    def public_address(self, row: HelpCentre) -> str:
        """Return a link to its first page."""
        address = f"{settings.PUBLIC_URL}{reverse('help_home', args=[row.channel_account.public_key])}"
        return format_html('<a href="{}">{}</a>', address, address) if row.is_public else address

    site_map = Column[HelpCentre](
        "Site map for search engines",
        lambda row: f"{settings.PUBLIC_URL}{reverse('help_sitemap', args=[row.channel_account.public_key])}",
    )

    def form_initial(self, request: HttpRequest, action: ServiceAction, row: Any) -> dict[str, Any]:
        """Start from what it is now."""
        names = ("title", "introduction", "language", "colour", "is_public")
        return {name: getattr(row, name) for name in names} if action.path == "edit" else {}

    create = calls(centres.save_help_centre, permission=services.MANAGE, form=NewCentreForm,
                   title="New help centre", submit="Create", tone="primary",
                   done="“{.title}” saved.")  # fmt: skip

    edit = edits(centres.save_help_centre, "account_id", services.MANAGE, CentreForm, of="channel_account_id",
                 tone="primary", done="“{.title}” saved.")  # fmt: skip
