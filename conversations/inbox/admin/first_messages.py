"""The first message that a colleague writes, an email or a template: its forms, and the inbox's way to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations.contacts.known_people import checked_address
from conversations.contacts.selectors.directory import ContactFilters, describe_contact, query_contacts
from conversations.inbox.admin.choices import choices_of
from conversations.inbox.admin.forms import ReplyForm, gap_label, shown_preview
from conversations.messages.first_messages import (
    SUBJECT_LIMIT,
    begin_conversation,
    begin_with_address,
    templates_to_begin_with,
)
from conversations.messages.outbound import REPLY
from conversations.models import ChannelAccount, Contact, Conversation, MessageTemplate
from core.actors import Actor
from core.errors import Invalid
from core.ids import uuid7

PATH: Final = "begin"
SHOWN: Final = 20
UNKNOWN: Final = (
    "No contact has this name or address. Enter a full phone number with country code, or an email address."
)
CHOOSE: Final = "Choose the contact you mean."
TOO_MANY: Final = "Too many contacts have this name. Enter a full phone number or email address."


@dataclass(frozen=True, slots=True)
class Addressee:
    """The recipient of a first message, a contact or an address that no contact has yet, and its channel."""

    words: str
    contact: Contact | None
    account: ChannelAccount

    def __str__(self) -> str:
        return describe_contact(self.contact) if self.contact else f"{self.words} (new contact)"

    def send(self, actor: Actor, form: "BeginForm | OpeningForm") -> Conversation:
        """Send what the form was filled with."""
        if self.contact is None:
            return begin_with_address(actor=actor, address=self.words, **form.as_arguments())
        return begin_conversation(actor=actor, contact_id=self.contact.pk, **form.as_arguments())


class BeginForm(ConsoleForm):
    """An email that a colleague writes first."""

    to: Addressee | None = None
    submit = ""
    account_id = forms.TypedChoiceField(label="From", coerce=UUID, empty_value=None, required=False)
    subject = forms.CharField(label="Subject", max_length=SUBJECT_LIMIT)
    text = forms.CharField(label="Your email", max_length=settings.TEXT_LIMIT, widget=forms.Textarea(attrs={"rows": 8}))
    client_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mailboxes = ChannelAccount.objects.filter(kind=ChannelAccount.Kind.EMAIL, is_active=True).order_by("name")
        self.fields["account_id"].choices = list(mailboxes.values_list("pk", "name"))  # type: ignore[attr-defined]

    def as_arguments(self) -> dict[str, Any]:
        """Return what `begin_conversation` is called with."""
        return self.cleaned_data


class OpeningForm(ReplyForm):
    """A template that a colleague sends first: by which account, and what fills its gaps."""

    template_name = "console/template_form.html"
    first_gap = "[gap 1]"
    account_id = forms.TypedChoiceField(label="From", coerce=UUID)
    as_template = forms.BooleanField(widget=forms.HiddenInput, initial=True)
    client_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    after = None  # type: ignore[assignment]  # nobody has answered yet
    to: Addressee | None = None

    def offer(self, offered: Mapping[ChannelAccount, Sequence[MessageTemplate]]) -> None:
        """Offer the accounts, and each template of theirs once for each language."""
        self._by_account = {account.pk: list(templates) for account, templates in offered.items()}
        self.fields["account_id"].choices = [(account.pk, str(account)) for account in offered]  # type: ignore[attr-defined]
        in_each = {one.language: one for templates in offered.values() for one in reversed(templates)}
        self.offer_templates(sorted(in_each.values(), key=lambda one: -len(one.variables)))
        several = list(in_each.values())
        self.preview = shown_preview(several[0], self.first_gap) if len(several) == 1 else ""
        text = self.fields["text"]
        text.label, text.widget = gap_label(several, 1), forms.TextInput(attrs={"class": "wk-input", "dir": "auto"})
        if not any(one.variables for one in several):
            del self.fields["text"]
        self.order_fields(["account_id", "template_language"])

    def clean(self) -> dict[str, Any]:
        """Ask for the gaps of the template of the chosen account."""
        self._offered = self._by_account.get(self.cleaned_data.get("account_id") or UUID(int=0), ())
        language = self.cleaned_data.get("template_language")
        if self._offered and language and all(one.language != language for one in self._offered):
            self.add_error("template_language", "This channel has no template in this language. Choose another one.")
        return super().clean()

    def as_arguments(self) -> dict[str, Any]:
        """Return what `begin_conversation` is called with."""
        taken = {name: self.cleaned_data[name] for name in ("account_id", "client_id")}
        return {**taken, "text": self.cleaned_data.get("text", ""), "template": self.by_template()}


class RecipientForm(ConsoleForm):
    """The recipient of a first message, and its channel; the message is the next step."""

    recipient = forms.CharField(
        label="To",
        max_length=320,
        help_text="A full phone number or email address, or the name as shown. A new address becomes a contact.",
    )
    contact = forms.TypedChoiceField(
        label="Which contact",
        coerce=UUID,
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), CHOOSE),
    )
    account_id = forms.TypedChoiceField(label="From", coerce=UUID)

    def __init__(self, *args: Any, viewer: Actor, accounts: Sequence[ChannelAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._viewer, self._found = viewer, list[Contact]()
        self._accounts = {str(row.pk): row for row in accounts}
        self.fields["account_id"].choices = [(pk, str(row)) for pk, row in self._accounts.items()]  # type: ignore[attr-defined]
        if not self.is_bound:
            del self.fields["contact"]

    def clean_recipient(self) -> str:
        """Find the contacts to choose from; refuse what finds nobody and is no address, and what finds too many."""
        words: str = self.cleaned_data["recipient"]
        rows = query_contacts(viewer=self._viewer, filters=ContactFilters(q=words)).filter(erased_at=None)
        self._found = list(rows.order_by("-id")[: SHOWN + 1])
        if len(self._found) > SHOWN:
            raise forms.ValidationError(TOO_MANY)
        if not self._found:
            if self.data.get("contact"):
                raise forms.ValidationError(CHOOSE)
            try:
                checked_address(words)
            except Invalid as problem:
                raise forms.ValidationError(UNKNOWN) from problem
        field = self.fields["contact"]
        field.choices = [(str(row.pk), describe_contact(row)) for row in self._found]  # type: ignore[attr-defined]
        field.required = len(self._found) > 1
        return words

    def clean(self) -> dict[str, Any]:
        """Show the contacts where there is a choice among them, or where another one was chosen before."""
        field = self.fields["contact"]
        if not field.choices or not (field.required or self.has_error("contact")):  # type: ignore[attr-defined]
            del self.fields["contact"]
        return self.cleaned_data

    def following(self, request: HttpRequest) -> "RecipientForm | BeginForm | OpeningForm":
        """Return the form of the message: empty before it was sent, or this one with why nothing can be written."""
        words, account = self.cleaned_data["recipient"], self._accounts[str(self.cleaned_data["account_id"])]
        chosen = self.cleaned_data.get("contact")
        contact = next((row for row in self._found if chosen in (None, row.pk)), None)
        kinds: set[str] = {point.kind for point in contact.points.all()} if contact else {checked_address(words)[0]}
        sent = request.POST if "client_id" in request.POST else None
        form: BeginForm | OpeningForm
        if account.kind == ChannelAccount.Kind.EMAIL:
            if ChannelAccount.Kind.EMAIL not in kinds:
                self.add_error("recipient", "This contact has no email address.")
                return self
            form = BeginForm(sent, initial={"account_id": account.pk}, auto_id=self.auto_id)
        else:
            offered = templates_to_begin_with(kinds, contact.language if contact else "")
            if account not in offered:
                self.add_error("account_id", "This channel has no template for this contact's addresses.")
                return self
            form = OpeningForm(sent, initial={"account_id": account.pk}, auto_id=self.auto_id)
            form.offer({account: offered[account]})
        form.fields["account_id"].widget = forms.HiddenInput()
        form.template_name, form.submit, form.is_redrawn = "console/conversation/begin.html", "Send", sent is None
        form.to = Addressee(words, contact, account)
        return form


class FirstMessages(ServiceAdmin):
    """Begins a conversation from the inbox."""

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return why nobody can be written to first."""
        if action.path != PATH:
            return super().why_not(request, action, obj)
        missing = "No channel can write first. Connect a mailbox, or choose a template for reopening conversations."
        return "" if choices_of(request).senders else missing

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        """Return the form of the step that the person is at; nothing is kept between the steps but what is posted."""
        if action.path != PATH:
            return super().action_form(request, action, obj, bound=bound)
        sent, senders = request.POST if bound else None, choices_of(request).senders
        form = RecipientForm(sent, viewer=viewer_of(request), accounts=senders, auto_id=f"id_{PATH}_%s")
        return form.following(request) if form.is_valid() else form

    @service_action(path=PATH, title="New conversation", permission=REPLY, submit="Continue", on_list=True)
    def begin(self, request: HttpRequest, obj: None, form: Any) -> HttpResponse:
        """Send the first message, and open the conversation."""
        begun = form.to.send(viewer_of(request), form)
        return HttpResponseRedirect(self.after_action_url(request, self.service_actions[PATH], begun))
