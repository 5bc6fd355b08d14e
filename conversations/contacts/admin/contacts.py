"""The console's list of contacts, and the page of one, from which a person is erased."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.permissions import shares
from accounts.privacy.reveals import get_active_reveal
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column, SelectFilter
from console.base.share import end_share_action, share_action
from console.erasure_form import EraseForm, progress_url, redirect_to_progress
from console.extensions import MOST_FOUND, Finder, Found, finders
from console.names import name_in, names_of
from console.navigation import DESK, Nav
from console.templatetags.console_ui import moment
from console.viewers import record_look, viewer_of
from conversations.channel_accounts.admin.languages import language_name
from conversations.contacts import blocks, consents, contacts
from conversations.contacts.admin import card
from conversations.contacts.admin.consents import ContactConsentForm
from conversations.contacts.admin.holds import LIFT, PLACE, HoldActions, LiftForm
from conversations.contacts.erasure import erase_contact
from conversations.contacts.known_people import set_contact_fields
from conversations.contacts.selectors.consents import wishes_of
from conversations.contacts.selectors.directory import VIEW_CONTACT, ContactFilters, points_in_order, query_contacts
from conversations.custom_fields.admin import NONE_YET, ValueFilter, ValuesForm, shown_values, values_to_edit
from conversations.custom_fields.selectors import fields_of, values_of
from conversations.inbox.admin.first_messages import BeginForm, OpeningForm
from conversations.inbox.admin.rows import tone_of
from conversations.merges.admin import PATH as MERGE_PATH
from conversations.merges.admin import UNDO, MergeActions
from conversations.messages.first_messages import begin_conversation, templates_to_begin_with
from conversations.messages.outbound import REPLY
from conversations.models import ChannelAccount, Contact, ContactPoint, CustomField, MessageTemplate
from conversations.registry import panels_at
from core.actors import Actor
from core.errors import Invalid

WRITES = ("write", "send-template")
CONSENT = "record-consent"
FIELDS = "fields"
OBJECT = "conversations.contact"
BREAK = SafeString("<br>")


class ContactFinder(Finder):
    """Contacts by a full address, or by the masked name as shown: no part of a name finds anybody."""

    title, order, permission = "Contacts", 15, VIEW_CONTACT

    def find(self, viewer: Actor, words: str) -> list[Found]:
        """Return the contacts, newest first, with their masked addresses."""
        rows = query_contacts(viewer=viewer, filters=ContactFilters(q=words)).filter(erased_at=None)
        return [
            Found(
                row.shown_name,
                ", ".join(point.masked_value for point in points_in_order(row.points.all())),
                reverse("admin:conversations_contact_change", args=[row.pk]),
            )
            for row in rows.order_by("-id")[:MOST_FOUND]
        ]


finders.register("conversations.contacts", ContactFinder)


class FindForm(ConsoleForm):
    address = forms.CharField(
        label="Phone number or email address", max_length=320, help_text="The full address; numbers with country code."
    )


class ErasedFilter(SelectFilter):
    """Filter by whether the contact was erased or merged; those merged into others are shown only on request."""

    title, parameter_name, any_label = "Contacts", "standing", "All"
    options = (("here", "Not erased"), ("erased", "Erased"), ("merged", "Merged into others"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the choice."""
        chosen = self.chosen()
        if chosen == "merged":
            return queryset.exclude(merged_into=None)
        whole = queryset.filter(merged_into=None)
        return whole.filter(erased_at__isnull=chosen == "here") if chosen else whole


@admin.register(Contact)
class ContactAdmin(HoldActions, MergeActions):
    view_permission = "conversations.view_contact"
    share_kind = shares.CONTACT
    nav = Nav("Contacts", "person", DESK, order=40)
    intro = "People who have written to your organisation. Names and addresses are masked."
    empty_title = "No contacts yet"
    empty_text = "People appear here when they first write to you."
    masked_fields = ("display_name", "masked_name")
    list_display = ("name", "addresses", "words", "standing", "created_at")
    list_filter: ClassVar = [ErasedFilter, ValueFilter]
    ordering = ("-id",)
    detail_fields = ("spoken", "linked", "created_at")
    detail_template = "console/contact.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        """Return the contacts without columns that would have to be decrypted."""
        seen = shares.within(viewer_of(request), self.share_kind, self.view_permission)
        rows = super().get_queryset(request).filter(seen).select_related("user").defer("display_name")
        return rows.prefetch_related("points", "tags")

    def object_title(self, contact: Contact) -> str:
        """Return a colleague's name, else the masked name or the end of the id."""
        return card.name_of(contact)

    name = Column[Contact]("Name", lambda contact: contact.shown_name)

    @admin.display(description="Addresses")
    def addresses(self, contact: Contact) -> str:
        points = points_in_order(contact.points.all())
        lines = (
            (f"{point.get_kind_display()} {point.masked_value}{' (by a merge)' if point.origin_id else ''}",)
            for point in points
        )
        return format_html_join(BREAK, "{}", lines) or "–"

    spoken = Column[Contact]("Language", lambda contact: language_name(contact.language))
    words = Column[Contact]("Tags", lambda contact: ", ".join(sorted(tag.name for tag in contact.tags.all())) or "–")

    standing = Column[Contact]("Type", card.standing_of)

    @admin.display(description="Linked to")
    def linked(self, contact: Contact) -> str:
        """Return the colleague that the contact is, and who linked them by hand."""
        if contact.user is None:
            return ""
        by = name_in(names_of([contact.linked_by_id]), contact.linked_by_id, otherwise="")
        return f"{contact.user.get_full_name()}, linked by {by}" if by else contact.user.get_full_name()

    def why_not(self, request: HttpRequest, action: ServiceAction, contact: Any) -> str:
        """Refuse a second erasure, and one without a strong sign-in."""
        if contact is None:
            return ""
        if action.path in (MERGE_PATH, UNDO):
            return self.why_not_merge(request, action, contact)
        if action.path in (PLACE, LIFT):
            return self.why_not_hold(action, contact)
        if action.path == FIELDS:
            if contact.erased_at is not None or contact.merged_into_id is not None:
                return "This contact has been erased or merged into another one."
            return "" if fields_of(CustomField.Subject.CONTACT).exists() else NONE_YET
        if action.path in WRITES:
            return _why_not_write(contact, by_template=action.path == "send-template")
        if action.path == CONSENT and contact.erased_at is None:
            return "" if contact.points.all() else "This contact has no address."
        if action.path in ("block", "unblock"):
            blocked = wishes_of(contact.points.all()).is_blocked
            if contact.erased_at is not None:
                return "This contact has been erased."
            if blocked == (action.path == "block"):
                return "This contact is already blocked." if blocked else "This contact isn't blocked."
            return ""
        if contact.merged_into_id is not None and contact.erased_at is None:
            return "This contact was merged into another one. Erase that one: it has the data of both."
        return self.why_not_erase(request, contact)

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if action.path == MERGE_PATH:
            return self.merge_initial(request, obj)
        return super().form_initial(request, action, obj)

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        """Offer templates, and explain, masked as on the page, which addresses an erasure searches for elsewhere."""
        form = super().action_form(request, action, obj, bound=bound)
        if isinstance(form, OpeningForm):
            form.offer(_templates_for(obj))
        if isinstance(form, ContactConsentForm):
            form.offer(points_in_order(obj.points.all()))
        if isinstance(form, LiftForm):
            form.offer(self.own_holds(obj))
        if action.path == "erase":
            proved = [point.masked_value for point in points_in_order(obj.points.all()) if point.is_verified]
            form.fields["confirmation"].help_text = (
                f"Also searched for elsewhere: {', '.join(proved) or 'no address'}. Other people's requests that only "
                f"contain the name “{self.name(obj)}” are kept and listed for you."
            )
        return form

    def detail_context(self, request: HttpRequest, contact: Contact) -> dict[str, Any]:
        """Record the view; return the head with its two menus, the history, and the facts that are known."""
        viewer = viewer_of(request)
        record_look(request, contact, lambda: contacts.record_view(actor=viewer, contact=contact))
        context = super().detail_context(request, contact)
        # Some stand in each other's place, such as block and unblock: the one that does not apply says nothing new.
        idle = {"block", "unblock", FIELDS, PLACE, LIFT, UNDO if contact.merged_into_id is None else MERGE_PATH}
        offered = [offer for offer in context["offered"] if not (offer["blocked"] and offer["action"].path in idle)]
        # Those of other apps stand in their panels, unless they belong into the menu.
        own = self.service_actions.keys() - {*WRITES, CONSENT}
        menu = [offer for offer in offered if offer["action"].path in own or offer["action"].in_menu]
        grant = get_active_reveal(actor=viewer, object_type=OBJECT, object_id=contact.pk)
        history = card.talks_of(viewer, contact)
        clear = grant.fields if grant else frozenset()
        rows = [row for row in context["rows"] if row[1] != "–"]
        rows += shown_values(values_of(Q(contact=contact)), in_clear="contact" in clear)
        rows += [("Last message", moment(one["talk"].last_message_at)) for one in history.get("talks", ())[:1]]
        merges = self.merges_of(request, contact) if viewer.may(self.view_permission) else "–"
        rows += [("Merges", merges)] if merges != "–" else []
        url = progress_url("contact", contact.pk) if viewer.may("core.view_erasures") else ""
        rows += [("Erasure", format_html('<a href="{}">What was erased</a>', url))] if url else []
        return {
            **context,
            **history,
            "rows": rows,
            "tone": tone_of(contact.pk),
            "chips": card.chips_of(contact),
            "hold": self.hold_banner(viewer, contact),
            "places": card.places_of(contact),
            "wishes": card.wishes_recorded(viewer, contact),
            "consent": [offer for offer in offered if offer["action"].path == CONSENT and not offer["blocked"]],
            "ways": [offer for offer in offered if offer["action"].path in WRITES],
            "menu": [(offer["action"], offer["url"]) for offer in menu],
            "panels": panels_at("contact", viewer, contact, clear),
        }

    @service_action(
        title="Find by address", permission="conversations.view_contact", form=FindForm, submit="Find",
        on_list=True,
    )  # fmt: skip
    def find(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Go to the contact with the address, which is posted so that it is in no URL."""
        filters = ContactFilters(q=form.cleaned_data["address"])
        found = query_contacts(viewer=viewer_of(request), filters=filters).first()
        if found is None:
            raise Invalid("No contact has this address.", fields={"address": ["No contact has this address."]})
        return HttpResponseRedirect(self.object_url(found))

    share, end_share = share_action(shares.CONTACT), end_share_action(shares.CONTACT)
    write = calls(
        begin_conversation,
        "contact_id",
        permission=REPLY,
        form=BeginForm,
        title="Write an email…",
        submit="Send",
        explain="It begins a new conversation, which is yours. Their answer comes back to it.",
        done=lambda begun: HttpResponseRedirect(reverse("admin:conversations_conversation_change", args=[begun.pk])),
    )
    send_template = calls(
        begin_conversation,
        "contact_id",
        permission=REPLY,
        form=OpeningForm,
        title="Send a template…",
        submit="Send",
        explain="It begins the conversation, or opens the last one again. The conversation is yours.",
        values=lambda form: form.as_arguments(),
        done=lambda begun: HttpResponseRedirect(reverse("admin:conversations_conversation_change", args=[begun.pk])),
    )
    record = calls(
        consents.record_consent,
        path=CONSENT,
        on_list=False,
        permission=blocks.RECORD,
        form=ContactConsentForm,
        title="Record consent or opt-out…",
        submit="Record",
        values=lambda form: form.as_arguments(),
        explain="What this contact told you counts from now on, on the channel that you choose.",
        done="Recorded. It counts from now on.",
    )
    edit_fields = calls(
        set_contact_fields,
        "contact_id",
        path=FIELDS,
        permission=REPLY,
        on_object=True,
        form=ValuesForm,
        title="Edit fields",
        submit="Save fields",
        initial=lambda _, contact: values_to_edit(CustomField.Subject.CONTACT, values_of(Q(contact=contact))),
        values=ValuesForm.changes,
        done="Fields saved.",
    )
    block = calls(
        blocks.block_contact,
        "contact_id",
        permission=blocks.RECORD,
        title="Block",
        explain=(
            "Nobody writes to this contact on any channel: no colleague, no agent and no campaign. Their own messages "
            "still arrive."
        ),
        done="Contact blocked.",
    )
    unblock = calls(
        blocks.unblock_contact,
        "contact_id",
        permission=blocks.RECORD,
        title="Unblock",
        explain="You and your agents can write to this contact again. What they opted out of stays so.",
        done="Contact unblocked.",
    )

    @service_action(
        title="Erase this person",
        permission="conversations.erase_contact",
        form=EraseForm,
        submit="Erase permanently",
        tone="danger",
        explain=(
            "Erases the name, addresses, tags and custom fields, all messages with files and notes, raw webhooks, "
            "requests that came from these conversations or contain one of the person's addresses, and mails and "
            "briefs about them. Open requests are withdrawn. Kept: that there were conversations and requests, when, "
            "and how each was decided. "
            "This can't be undone. If the person writes again, they become a new contact."
        ),
    )
    def erase(self, request: HttpRequest, contact: Contact, form: ConsoleForm) -> HttpResponse:
        reason = form.cleaned_data["reason"]
        erasure = erase_contact(actor=viewer_of(request), contact_id=contact.pk, reason=reason)
        return redirect_to_progress(erasure)


def _templates_for(contact: Contact) -> dict[ChannelAccount, list[MessageTemplate]]:
    """Return what can be sent to a contact first; read once for each page."""
    found: dict[ChannelAccount, list[MessageTemplate]] | None = getattr(contact, "templates", None)
    if found is None:
        kinds = {point.kind for point in contact.points.all()}
        found = contact.templates = templates_to_begin_with(kinds, contact.language)  # type: ignore[attr-defined]
    return found


def _why_not_write(contact: Contact, *, by_template: bool) -> str:
    """Return why nothing can be written to a contact; what they said about it is asked when it is sent."""
    if contact.erased_at is not None:
        return "This contact has been erased."
    if contact.merged_into_id is not None:
        return "This contact was merged into another one. Write to that one."
    if by_template:
        return "" if _templates_for(contact) else "No channel has a template for this contact's addresses."
    if not any(point.kind == ContactPoint.Kind.EMAIL for point in contact.points.all()):
        return "This contact has no email address."
    if not ChannelAccount.objects.filter(kind=ChannelAccount.Kind.EMAIL, is_active=True).exists():
        return "No mailbox is connected."
    return ""
