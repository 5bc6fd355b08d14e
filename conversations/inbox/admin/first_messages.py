"""Forms of the first message that a colleague writes: an email, or a template."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings

from console.base.forms import ConsoleForm
from conversations.inbox.admin.forms import ReplyForm, gap_label
from conversations.messages.first_messages import SUBJECT_LIMIT
from conversations.models import ChannelAccount, MessageTemplate
from core.ids import uuid7


class BeginForm(ConsoleForm):
    account_id = forms.TypedChoiceField(label="From", coerce=UUID, empty_value=None, required=False)
    subject = forms.CharField(label="Subject", max_length=SUBJECT_LIMIT)
    text = forms.CharField(label="Your email", max_length=settings.TEXT_LIMIT, widget=forms.Textarea(attrs={"rows": 8}))
    client_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mailboxes = ChannelAccount.objects.filter(kind=ChannelAccount.Kind.EMAIL, is_active=True).order_by("name")
        self.fields["account_id"].choices = list(mailboxes.values_list("pk", "name"))  # type: ignore[attr-defined]


class OpeningForm(ReplyForm):
    """A template that a colleague sends first: by which account, and what fills its gaps."""

    account_id = forms.TypedChoiceField(label="From", coerce=UUID)
    as_template = forms.BooleanField(widget=forms.HiddenInput, initial=True)
    client_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid7)
    after = None  # type: ignore[assignment]  # nobody has answered yet

    def offer(self, offered: Mapping[ChannelAccount, Sequence[MessageTemplate]]) -> None:
        """Offer the accounts, and each template of theirs once for each language."""
        self._by_account = {account.pk: list(templates) for account, templates in offered.items()}
        self.fields["account_id"].choices = [(account.pk, str(account)) for account in offered]  # type: ignore[attr-defined]
        in_each = {one.language: one for templates in offered.values() for one in reversed(templates)}
        self.offer_templates(sorted(in_each.values(), key=lambda one: -len(one.variables)))
        self.fields["text"].label = gap_label(list(in_each.values()), 1)
        if not any(one.variables for one in in_each.values()):
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
