"""The console's consent ledger: who agreed or objected to what, and the rules for marketing messages."""

from collections.abc import Iterable
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
from console.base.lists import Column, SelectFilter, choose, since
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import DATA, SETTINGS, Nav
from console.templatetags.console_ui import chip, moment
from console.time_zones import zone_choices
from console.viewers import viewer_of
from conversations.contacts import blocks, consents
from conversations.contacts.selectors.consents import query_consents
from conversations.models import ContactPoint
from core.models import Consent
from core.reach import channels, policy
from core.reach.verdict import ANY, STOPPABLE

CHANNELS: Final = {ANY: "Every channel", **dict(channels.kinds())}
TONES: Final = {
    Consent.State.GIVEN: ("good", "check"),
    Consent.State.UNBLOCKED: ("good", "check"),
    Consent.State.REACHABLE: ("good", "check"),
    Consent.State.UNREACHABLE: ("warn", "alert"),
}


STATES: Final = [("withdrawn", "Opted out"), ("given", "Agreed"), ("reachable", "The address is reachable again")]


class RecordForm(ConsoleForm):
    """A consent or an opt-out that somebody told us."""

    address = forms.CharField(
        label="Phone number or email address",
        max_length=320,
        help_text="The full address; numbers with country code. It counts even if no contact has it yet.",
    )
    state = forms.ChoiceField(label="What is known", choices=STATES)
    purpose = forms.ChoiceField(
        label="Messages",
        choices=[(value, label) for value, label in Consent.Purpose.choices if value in STOPPABLE],
        initial=Consent.Purpose.MARKETING,
        help_text="An address that is reachable again is so for everything.",
    )
    channel = forms.ChoiceField(label="Channel", choices=list(CHANNELS.items()))
    at = forms.DateTimeField(
        label="When (optional)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="The newest wish counts, so an old consent doesn't undo a later opt-out.",
    )


class ContactConsentForm(RecordForm):
    """What a contact told us, for one of their addresses."""

    address = forms.ChoiceField(label="Address")  # type: ignore[assignment]

    def offer(self, points: Iterable[ContactPoint]) -> None:
        """Offer a contact's addresses, masked."""
        self._points = {str(point.pk): point for point in points}
        choices = [(key, f"{point.get_kind_display()} {point.masked_value}") for key, point in self._points.items()]
        self.fields["address"].choices = choices  # type: ignore[attr-defined]

    def as_arguments(self) -> dict[str, Any]:
        """Return what `record_consent` is called with."""
        point = self._points[self.cleaned_data["address"]]
        return {**self.cleaned_data, "address": point.value, "kind": point.kind}


class RulesForm(ConsoleForm):
    """The organisation's rules for messages that nobody asked for."""

    zone = forms.ChoiceField(label="Time zone", choices=zone_choices)
    quiet_from = forms.TimeField(
        label="Quiet hours from",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text="Campaigns wait until quiet hours end. Leave both times empty for none.",
    )
    quiet_until = forms.TimeField(
        label="Quiet hours until", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    per_contact = forms.IntegerField(
        label="Messages per contact and day, at most",
        min_value=0,
        max_value=policy.MOST,
        help_text="Further ones wait for the next day. Enter 0 for no limit.",
    )
    per_day = forms.IntegerField(
        label="Messages per day, at most",
        min_value=0,
        max_value=policy.MOST,
        help_text="For your whole organisation. Enter 0 for no limit.",
    )
    needs_consent = forms.BooleanField(
        label="Send only to people who agreed", required=False, help_text="Everyone else is left out of campaigns."
    )


class AboutFilter(SelectFilter):
    title, parameter_name, any_label = "About", "about", "Everything"
    options = tuple((value, label) for value, label in Consent.Purpose.choices if value in STOPPABLE)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(purpose=self.chosen()) if self.chosen() else queryset


@admin.register(Consent)
class ConsentAdmin(ServiceAdmin):
    view_permission = "core.view_consent"
    nav = Nav("Consents", "hand", SETTINGS, DATA, order=20)
    intro = "What people agreed to or opted out of. Entries are never changed: the newest one for an address counts."
    empty_title = "No consents yet"
    empty_text = "STOP and START, blocks and recorded consents appear here."
    list_display = ("said", "about", "person", "channel_name", "source_name", "moment_of")
    list_filter: ClassVar = [choose("state", title="What", options=Consent.State.choices), AboutFilter, since("at")]
    ordering = ("-id",)
    detail_fields = ("said", "about", "person", "channel_name", "source_name", "moment_of", "recorder", "recorded_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Consent]:
        """Return the ledger with the contacts that have the addresses."""
        return query_consents(viewer=viewer_of(request))

    def object_title(self, line: Consent) -> str:
        return " · ".join(filter(None, (line.get_state_display(), line.get_purpose_display())))

    @admin.display(description="Contact")
    def person(self, line: Consent) -> str:
        """Return a link to the contact with the address, if there is one."""
        contact_id = getattr(line, "contact_id", None)
        if contact_id is None:
            return "Unknown address"
        url = reverse("admin:conversations_contact_change", args=[contact_id])
        return format_html('<a href="{}">Contact {}</a>', url, str(contact_id)[-6:])

    @admin.display(description="What")
    def said(self, line: Consent) -> str:
        tone, icon = TONES.get(Consent.State(line.state), ("danger", "ban"))
        return chip(line.get_state_display(), tone, icon)

    about = Column[Consent]("About", lambda line: line.get_purpose_display() or "Everything")
    channel_name = Column[Consent]("Channel", lambda line: CHANNELS.get(line.channel, line.channel))
    source_name = Column[Consent]("Source", lambda line: str(line.get_source_display()))
    moment_of = Column[Consent]("When", lambda line: moment(line.at))
    recorder = Column[Consent](
        "Recorded by", lambda line: name_in(names_of([line.recorded_by]), line.recorded_by, otherwise="–")
    )

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if action.path != "rules":
            return {}
        row = policy.read_policy()
        return {name: getattr(row, name) for name in RulesForm.base_fields}

    record = calls(
        consents.record_consent,
        permission=blocks.RECORD,
        form=RecordForm,
        title="Record consent or opt-out",
        submit="Record",
        done="Recorded. It counts from now on.",
    )
    rules = calls(
        policy.change_policy,
        permission=policy.CHANGE,
        form=RulesForm,
        title="Marketing rules",
        submit="Save",
        explain="These rules apply to campaigns by WhatsApp, SMS and email. Replies are never held back.",
        done="Rules saved.",
    )
