"""The console's consent ledger: who agreed to what, by which words, and the rules for marketing messages."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final
from uuid import UUID

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
from console.templatetags.console_ui import chip, exact, moment
from console.time_zones import zone_choices
from console.viewers import viewer_of
from conversations.contacts import blocks, consents
from conversations.contacts.selectors.consents import query_consents
from conversations.models import ContactPoint
from core.models import Consent, ConsentWording
from core.reach import channels, consent_texts, policy
from core.reach.verdict import ANY, STOPPABLE

CHANNELS: Final = {ANY: "Every channel", **dict(channels.kinds())}
TONES: Final = {
    Consent.State.GIVEN: ("good", "check"),
    Consent.State.UNBLOCKED: ("good", "check"),
    Consent.State.REACHABLE: ("good", "check"),
    Consent.State.UNREACHABLE: ("warn", "alert"),
}


STATES: Final = [("withdrawn", "Opted out"), ("given", "Agreed"), ("reachable", "The address is reachable again")]
STOPPABLE_CHOICES: Final = [(value, label) for value, label in Consent.Purpose.choices if value in STOPPABLE]


def wording_choices() -> list[tuple[str, str]]:
    """Return the versions of the words, newest first. One query."""
    rows = ConsentWording.objects.defer("text").order_by("purpose", "-version")
    return [("", "Not known"), *((str(row.pk), str(row)) for row in rows)]


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
        choices=STOPPABLE_CHOICES,
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
    wording_id = forms.TypedChoiceField(
        label="Words they agreed to (optional)",
        choices=wording_choices,
        coerce=UUID,
        empty_value=None,
        required=False,
        help_text="This and what follows is about a consent. The words are kept under Consent wordings.",
    )
    way = forms.ChoiceField(label="How (optional)", choices=[("", "Not known"), *Consent.Way.choices], required=False)
    place = forms.CharField(
        label="Where (optional)",
        max_length=consent_texts.PLACE,
        required=False,
        help_text="Such as a page of your website or a shop. No personal data.",
    )
    evidence = forms.CharField(
        label="Evidence (optional)",
        max_length=consent_texts.EVIDENCE,
        required=False,
        help_text="Where the proof is kept, such as the number of a form. No personal data.",
    )
    expires_at = forms.DateTimeField(
        label="Expires (optional)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="From then on the consent counts as none.",
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


class WordingForm(ConsoleForm):
    """The words by which people agree to messages."""

    purpose = forms.ChoiceField(label="Messages", choices=STOPPABLE_CHOICES, initial=Consent.Purpose.MARKETING)
    text = forms.CharField(label="Words", max_length=consent_texts.LONGEST, widget=forms.Textarea(attrs={"rows": 6}))


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
    options = tuple(STOPPABLE_CHOICES)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(purpose=self.chosen()) if self.chosen() else queryset


@admin.register(Consent)
class ConsentAdmin(ServiceAdmin):
    view_permission = "core.view_consent"
    nav = Nav("Consents", "hand", SETTINGS, DATA, order=20)
    intro = "What people agreed to or opted out of. Entries are never changed: the newest one for an address counts."
    empty_title = "No consents yet"
    empty_text = "STOP and START, blocks and recorded consents appear here."
    list_display = ("said", "about", "person", "channel_name", "source_name", "moment_of", "ends")
    list_filter: ClassVar = [choose("state", title="What", options=Consent.State.choices), AboutFilter, since("at")]
    ordering = ("-id",)
    detail_fields = (
        *("said", "about", "person", "channel_name", "source_name", "moment_of", "ends", "words", "way", "place"),
        *("evidence", "recorder", "recorded_at"),
    )

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
        if line.is_expired:
            return chip("Agreed, expired", "warn", "clock")
        tone, icon = TONES.get(Consent.State(line.state), ("danger", "ban"))
        return chip(line.get_state_display(), tone, icon)

    about = Column[Consent]("About", lambda line: line.get_purpose_display() or "Everything")
    channel_name = Column[Consent]("Channel", lambda line: CHANNELS.get(line.channel, line.channel))
    source_name = Column[Consent]("Source", lambda line: str(line.get_source_display()))
    moment_of = Column[Consent]("When", lambda line: moment(line.at))
    ends = Column[Consent]("Expires", lambda line: exact(line.expires_at))

    @admin.display(description="Words")
    def words(self, line: Consent) -> str:
        """Return a link to the words that were agreed to."""
        if line.wording is None:
            return "–"
        url = reverse("admin:core_consentwording_change", args=[line.wording.pk])
        return format_html('<a href="{}">{}</a>', url, line.wording)

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


@admin.register(ConsentWording)
class ConsentWordingAdmin(ServiceAdmin):
    view_permission = consent_texts.VIEW
    nav = Nav("Consent wordings", "hand", SETTINGS, DATA, order=21)
    intro = "The words by which people agree to messages. A version is never changed: save the next one."
    empty_title = "No wordings yet"
    empty_text = "Save the words of your forms, so that a consent can show what was agreed to."
    list_display = ("purpose_of", "version", "created_at")
    list_filter: ClassVar = [choose("purpose", title="Messages", options=STOPPABLE_CHOICES)]
    ordering = ("-id",)
    detail_fields = ("purpose_of", "version", "text", "writer", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConsentWording]:
        return consent_texts.query_wordings(viewer=viewer_of(request))

    purpose_of = Column[ConsentWording]("Messages", lambda row: str(row.get_purpose_display()))
    writer = Column[ConsentWording](
        "Saved by", lambda row: name_in(names_of([row.created_by]), row.created_by, otherwise="–")
    )

    write = calls(
        consent_texts.save_wording,
        permission=policy.CHANGE,
        form=WordingForm,
        title="Save a wording",
        submit="Save",
        tone="good",
        done="Saved: {}.",
    )
