"""What agents remember of contacts, and the summary of a conversation: panels of pages, and the page of one fact."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.memory import services
from agents.memory.kinds import CHOICES, LONGEST
from agents.memory.models import ContactFact
from agents.memory.summary import summarise_for_page
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConfirmForm, ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import DESK, Nav
from console.templatetags.console_ui import chip, link, moment
from console.viewers import viewer_of
from conversations.models import Contact, Conversation
from conversations.registry import Panel, register_panel
from core.actors import Actor
from hitl.display import state_chip

EARLIER: Final = 10
BREAK: Final = SafeString("<br>")
PAGE: Final = "admin:agents_contactfact_change"


class CorrectForm(ConsoleForm):
    """What is true instead."""

    value = forms.CharField(label="What is true instead", max_length=LONGEST)


def facts_of(viewer: Actor, contact: Contact) -> list[ContactFact]:
    """Return the facts of a contact, masked; read once for each page."""
    found: list[ContactFact] | None = getattr(contact, "masked_facts", None)
    if found is None:
        found = services.list_facts(viewer=viewer, contact_id=contact.pk)
        contact.masked_facts = found  # type: ignore[attr-defined]
    return found


def panel_of_contact(viewer: Actor, contact: Contact, clear: frozenset[str]) -> Panel | None:
    """Return what is remembered of a contact, for viewers who may see contacts; masked unless revealed."""
    if not viewer.may(services.VIEW):
        return None
    in_clear = "contact" in clear
    rows = (
        services.list_facts(viewer=viewer, contact_id=contact.pk, clear=True) if in_clear else facts_of(viewer, contact)
    )
    shown = [_shown(row, viewer, in_clear) for row in rows]
    earlier = [fact for fact in shown if fact["until"]]
    context = {"current": [fact for fact in shown if not fact["until"]], "earlier": earlier[:EARLIER]}
    return Panel("console/parts/facts.html", context)


def panel_of_conversation(viewer: Actor, conversation: Conversation, clear: frozenset[str]) -> Panel | None:
    """Return what is remembered of a conversation's contact."""
    return panel_of_contact(viewer, conversation.contact, clear)


def summary_of_conversation(viewer: Actor, conversation: Conversation, clear: frozenset[str]) -> Panel | None:
    """Return the summary of a conversation that a person has, or that waits for one; masked."""
    if conversation.state != Conversation.State.PERSON or not viewer.may("conversations.view_conversation"):
        return None
    facts = facts_of(viewer, conversation.contact) if viewer.may(services.VIEW) else []
    # The page has read the others already, if it is a conversation's.
    read = {"requests": getattr(conversation, "made_requests", None)}
    read["has_draft"] = getattr(conversation, "has_suggestion", None)
    found = summarise_for_page(viewer=viewer, conversation_id=conversation.pk, facts=facts, **read)
    if found.is_empty:
        return None
    is_open = found.unanswered or found.unknown or found.open_requests or found.has_draft
    requests = [(request, state_chip(request.state)) for request in found.requests]
    return Panel("console/parts/handover.html", {"summary": found, "requests": requests, "is_clear": not is_open})


def source_url(fact: ContactFact) -> str:
    """Return where the message of a fact is read, "" for one without."""
    if fact.message is None:
        return ""
    page = reverse("admin:conversations_conversation_change", args=[fact.message.conversation_id])
    return f"{page}?before={fact.message.seq + 1}"


def _shown(fact: ContactFact, viewer: Actor, in_clear: bool) -> dict[str, Any]:
    return {
        "label": fact.get_kind_display(),
        "value": fact.shown(clear=in_clear),
        "url": reverse(PAGE, args=[fact.pk]) if viewer.may(services.CHANGE) and fact.is_current else "",
        "source": source_url(fact) if viewer.may("conversations.view_conversation") else "",
        "is_corrected": fact.origin == ContactFact.Origin.STAFF,
        "is_proven": fact.is_proven,
        "until": fact.superseded_at,
    }


register_panel("contact", panel_of_contact)
register_panel("beside", panel_of_conversation)
register_panel("above", summary_of_conversation)


@admin.register(ContactFact)
class ContactFactAdmin(ServiceAdmin):
    """Facts that contacts stated about themselves, masked."""

    view_permission = services.VIEW
    nav = Nav("What agents remember", "person", DESK, within="Contacts")
    intro = "What contacts said about themselves, and colleagues corrected. Values are masked."
    empty_title = "Nothing remembered yet"
    empty_text = "Facts appear here when contacts write about themselves."
    masked_fields = ("value", "masked_value")
    list_display = ("kind", "words", "person", "stated", "said_at")
    ordering = ("-id",)
    detail_fields = ("kind", "words", "person", "stated", "source", "said_at", "history")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactFact]:
        """Return what is or was remembered, without columns that would have to be decrypted."""
        rows = super().get_queryset(request).filter(removed_at=None).select_related("contact", "message")
        hidden = ("value", "contact__display_name", "message__body", "message__metadata", "message__masked_body")
        found: QuerySet[ContactFact] = rows.defer(*hidden)
        return found

    def object_title(self, fact: ContactFact) -> str:
        """Return what the fact is about."""
        return fact.get_kind_display()

    @admin.display(description="Value")
    def words(self, fact: ContactFact) -> str:
        """Return the masked value."""
        mark = "" if fact.is_current else chip("Replaced", "neutral", "clock")
        return format_html("{} {}", link("agents_contactfact_change", fact.pk, fact.shown(clear=False)), mark)

    person = Column[ContactFact](
        "Contact", lambda fact: link("conversations_contact_change", fact.contact_id, fact.contact.shown_name)
    )

    @admin.display(description="Stated by")
    def stated(self, fact: ContactFact) -> str:
        """Return who stated it, and whether the sender was proven."""
        if fact.origin == ContactFact.Origin.STAFF:
            return f"A colleague: {name_in(names_of([fact.author_id]), fact.author_id, otherwise='–')}"
        return "The contact" if fact.is_proven else "The contact, sender not proven"

    @admin.display(description="Message")
    def source(self, fact: ContactFact) -> str:
        """Return a link to the message that it came from."""
        url = source_url(fact)
        return format_html('<a class="wk-over" href="{}">Open the message</a>', url) if url else "–"

    @admin.display(description="Earlier")
    def history(self, fact: ContactFact) -> str:
        """Return what was remembered in its place before."""
        earlier = ContactFact.objects.filter(
            contact_id=fact.contact_id, kind=fact.kind, place=fact.place, removed_at=None, superseded_at__isnull=False
        )
        rows = earlier.exclude(pk=fact.pk).order_by("-id").defer("value")[:EARLIER]
        lines = ((row.shown(clear=False), moment(row.superseded_at)) for row in rows)
        return format_html_join(BREAK, "{}, until {}", lines) or "–"

    def why_not(self, request: HttpRequest, action: ServiceAction, fact: Any) -> str:
        """Refuse changes of what was replaced."""
        return "" if fact is None or fact.is_current else "This was replaced. Open the current one from the contact."

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        """Return the action's form: a choice where the kind knows all values."""
        form = super().action_form(request, action, obj, bound=bound)
        if action.path == "correct" and obj.kind in CHOICES:
            form.fields["value"] = forms.ChoiceField(
                label="What is true instead", choices=list(CHOICES[obj.kind].items())
            )
        elif action.path == "correct":
            form.fields["value"].help_text = services.problem_of(obj.kind)
        return form

    @service_action(
        title="Correct", permission=services.CHANGE, form=CorrectForm, submit="Save", tone="primary",
        explain="It counts more than what the contact said before. The earlier value stays in the history.",
    )  # fmt: skip
    def correct(self, request: HttpRequest, fact: ContactFact, form: ConsoleForm) -> HttpResponse:
        """Put another value in its place, and go to it."""
        new = services.correct_fact(
            actor=viewer_of(request),
            contact_id=fact.contact_id,
            fact_id=fact.pk,
            value=form.cleaned_data["value"],
        )
        return HttpResponseRedirect(self.object_url(new))

    @service_action(
        title="Remove", permission=services.CHANGE, form=ConfirmForm, tone="danger",
        explain="Removes the value and its history. The message it came from doesn't bring it back.",
    )  # fmt: skip
    def remove(self, request: HttpRequest, fact: ContactFact, form: ConsoleForm) -> HttpResponse:
        """Remove it with its history, and go to the contact."""
        services.remove_fact(actor=viewer_of(request), contact_id=fact.contact_id, fact_id=fact.pk)
        return HttpResponseRedirect(reverse("admin:conversations_contact_change", args=[fact.contact_id]))
