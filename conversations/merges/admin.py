"""Merge two contacts on the console: find the other one, compare, confirm with a reason, take back."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm, look
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.templatetags.console_ui import exact
from console.viewers import viewer_of
from conversations.contacts.selectors import directory
from conversations.merges import merges
from conversations.merges.merges import REASON_LIMIT, UNDO_WITHIN, why_not_undo
from conversations.merges.selectors import MERGE, MergePreview, contacts_alike, preview_merge, query_merges
from conversations.models import Contact, ContactMerge
from core.clock import now
from core.errors import WalkerError

PATH: Final = "merge"
UNDO: Final = "undo-merge"
UNKNOWN: Final = "No other contact has this address."
PAGE: Final = "admin:conversations_contact_change"


class MergeForm(ConsoleForm):
    """First which contact it is, then the comparison and the reason."""

    template_name = "console/merge/form.html"
    address = forms.CharField(
        label="Address of the other contact",
        max_length=320,
        required=False,
        help_text="The full phone number or email address, or the link to the contact's page.",
    )
    into = forms.TypedChoiceField(
        label="Contacts with the same name", coerce=UUID, empty_value=None, required=False, widget=forms.RadioSelect
    )
    reason = forms.CharField(
        label="Why are they the same person?",
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept with the merge, for example what they told you and where.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.preview: MergePreview | None = self.initial.get("preview")
        self.problem = str(self.initial.get("problem") or "")
        self.is_closed = bool(self.problem) and self.is_bound and self.preview is None and "confirm" in self.data
        alike = self.initial.get("alike") or []
        if self.preview is not None:
            self.width, self.submit = "wk-main", "Merge"
            for name in ("address", "into"):
                del self.fields[name]
            self.is_redrawn = self.is_bound and "confirm" not in self.data
            return
        del self.fields["reason"]
        self.fields["into"].choices = [(str(pk), words) for pk, words in alike]  # type: ignore[attr-defined]
        if not alike:
            del self.fields["into"]
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", look(field.widget))

    def clean(self) -> dict[str, Any]:
        """Refuse a contact that can't be compared."""
        if self.preview is None:
            problem = self.problem or "Enter an address, or choose a contact."
            raise forms.ValidationError({"address": problem} if "address" in self.fields else problem)
        return self.cleaned_data


class MergeActions(ServiceAdmin):
    """Merges contacts, and shows what was merged."""

    def merge_initial(self, request: HttpRequest, contact: Contact) -> dict[str, Any]:
        """Return the contacts to choose from, or the comparison with the chosen one."""
        viewer = viewer_of(request)
        if request.method != "POST" or not request.path.endswith(f"/{PATH}/"):
            return {"alike": self._alike(request, contact)}
        try:
            other = self._chosen(request)
            if other is None:
                return {"alike": self._alike(request, contact)}
            preview = preview_merge(viewer=viewer, contact_id=contact.pk, into_id=other)
        except WalkerError as problem:
            return {"alike": self._alike(request, contact), "problem": problem.detail or UNKNOWN}
        return {"preview": preview}

    def _alike(self, request: HttpRequest, contact: Contact) -> list[tuple[UUID, str]]:
        rows = contacts_alike(viewer=viewer_of(request), contact=contact)
        return [(row.pk, directory.describe_contact(row)) for row in rows]

    def _chosen(self, request: HttpRequest) -> UUID | None:
        """Return the contact that was chosen, or has the address, which is posted so that it is in no URL."""
        words = (request.POST.get("into") or request.POST.get("address") or "").strip()
        if not words:
            return None
        try:
            return UUID(words.rstrip("/").rpartition("/")[2])
        except ValueError:
            filters = directory.ContactFilters(q=words)
            found = directory.query_contacts(viewer=viewer_of(request), filters=filters).first()
            if found is None:
                raise WalkerError(UNKNOWN) from None
            return UUID(str(found.pk))

    def why_not_merge(self, request: HttpRequest, action: ServiceAction, contact: Contact) -> str:
        """Return why a contact can't be merged, or its merge can't be undone; "" if it can."""
        if action.path == PATH:
            if contact.erased_at is not None:
                return "This contact has been erased."
            return "This contact was merged into another one." if contact.merged_into_id else ""
        merge = ContactMerge.objects.filter(merged=contact, undone_at=None).select_related("contact").first()
        if merge is None:
            return "This contact isn't merged into another one."
        problem = why_not_undo(merge, contact, merge.contact, now())
        return problem.detail if problem else ""

    def merges_of(self, request: HttpRequest, contact: Contact) -> str:
        """Return the merges of a contact in words, with links to the other contact."""
        rows = list(query_merges(viewer=viewer_of(request), contact_id=contact.pk))
        names = names_of(person for row in rows for person in (row.merged_by_id, row.undone_by_id))
        return format_html_join(SafeString("<br>"), "{}", ((_line(row, contact, names),) for row in rows)) or "–"

    @service_action(
        path=PATH, title="Merge into another contact…", permission=MERGE, form=MergeForm, submit="Compare",
        explain="For two contacts that are the same person. You see what speaks for it before anything is merged.",
    )  # fmt: skip
    def merge(self, request: HttpRequest, contact: Contact, form: MergeForm) -> HttpResponse | str:
        """Merge the contact into the other one, and open that one."""
        preview = form.preview
        if preview is None:
            return ""
        merges.merge_contacts(
            actor=viewer_of(request), contact_id=contact.pk, into_id=preview.into.pk, reason=form.cleaned_data["reason"]
        )
        self.message_user(request, f"Contacts merged. You can undo it for {UNDO_WITHIN.days} days.")
        return HttpResponseRedirect(self.object_url(preview.into))

    @service_action(
        path=UNDO, title="Undo the merge", permission=MERGE, submit="Undo the merge",
        explain="Its addresses and tags go back to this contact, with all conversations of these addresses, also those "
        "that began since. What colleagues wrote down since about the other contact stays there.",
    )  # fmt: skip
    def undo_merge(self, request: HttpRequest, contact: Contact, form: ConsoleForm) -> str:
        merge = merges.undo_merge(actor=viewer_of(request), contact_id=contact.pk)
        talks = contact.conversations.count()
        kept = format_html('<a href="{}">the other contact</a>', reverse(PAGE, args=[merge.contact_id]))
        words = "conversation" if talks == 1 else "conversations"
        return format_html(
            "Merge undone. {} {} went back; tags and names that were added since stay with {}.", talks, words, kept
        )


def _line(merge: ContactMerge, contact: Contact, names: dict[UUID, str]) -> str:
    other = merge.merged if merge.contact_id == contact.pk else merge.contact
    what = "Got the addresses of" if merge.contact_id == contact.pk else "Merged into"
    link = format_html('<a href="{}">{}</a>', reverse(PAGE, args=[other.pk]), other.shown_name)
    by = name_in(names, merge.merged_by_id, otherwise="a program")
    line = format_html("{} {} on {} by {}: {}", what, link, exact(merge.merged_at), by, merge.masked_reason)
    if merge.undone_at is None:
        return line
    by = name_in(names, merge.undone_by_id, otherwise="a program")
    return format_html("{} <b>Undone</b> on {} by {}.", line, exact(merge.undone_at), by)
