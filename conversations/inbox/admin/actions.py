"""Actions on a conversation besides answering: assign, escalate, name, tag, note."""

from collections.abc import Callable
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from console.base.actions import ServiceAction, service_action
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations.channel_accounts.admin.languages import LANGUAGES, language_name
from conversations.contacts import contacts
from conversations.contacts.known_people import revise_contact, set_contact_fields
from conversations.custom_fields.admin import NONE_YET, ValuesForm, values_to_edit
from conversations.custom_fields.selectors import values_on
from conversations.inbox import assignment, snoozes, states
from conversations.inbox.admin.choices import KEY, REPLY, choices_in, choices_of
from conversations.inbox.admin.forms import RunForm
from conversations.inbox.admin.tags import ConversationTagsForm, tags_on
from conversations.inbox.custom_values import set_conversation_fields
from conversations.inbox.tags import change_tags
from conversations.inbox.threads import notes
from conversations.inbox.threads.thread import NOTE_LIMIT
from conversations.models import ContactTag, Conversation, CustomField, Priority
from conversations.replies import canned_replies, drafts, macros
from conversations.replies.admin.canned_replies import id_in

REASONS: Final = {
    "needs_specialist": "It needs a specialist",
    "complaint": "It is a complaint",
    "legal": "It is a legal matter",
    "asked_for_person": "The customer asks for another person",
    "agent_failed": "The agent couldn't answer",
}


class EscalateForm(ConsoleForm):
    """Why another person is needed."""

    reason = forms.ChoiceField(label="Reason", choices=list(REASONS.items()))


class AssignForm(ConsoleForm):
    """The colleague to assign."""

    colleague = forms.TypedChoiceField(label="Colleague", coerce=UUID)
    even_if_full = forms.BooleanField(
        label="Even if they have no room", required=False, help_text="For leads of the conversation's team."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = choices_in(self.initial).repliers
        self.fields["colleague"].choices = [(str(pk), name) for pk, name in people.items()]  # type: ignore[attr-defined]


SNOOZES: Final = (
    ("1h", "In an hour"),
    ("3h", "In three hours"),
    ("tomorrow", "Tomorrow at 9:00"),
    ("monday", "On Monday at 9:00"),
    ("own", "At another time"),
)


class SnoozeForm(ConsoleForm):
    """How long a conversation rests."""

    choice = forms.ChoiceField(label="Until", choices=SNOOZES)
    own = forms.DateTimeField(
        label="Another time", required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    def clean(self) -> dict[str, Any]:
        """Ask for the time where another one is chosen."""
        said = super().clean() or {}
        if said.get("choice") == "own" and not said.get("own") and "own" not in self.errors:
            self.add_error("own", "Choose a time.")
        return said

    def until(self) -> datetime:
        """Return the moment that was chosen, in the organisation's time."""
        moment = timezone.localtime()
        morning = moment.replace(hour=9, minute=0, second=0, microsecond=0)
        match self.cleaned_data["choice"]:
            case "1h":
                return moment + timedelta(hours=1)
            case "3h":
                return moment + timedelta(hours=3)
            case "tomorrow":
                return morning + timedelta(days=1)
            case "monday":
                return morning + timedelta(days=7 - moment.weekday())
        own: datetime = self.cleaned_data["own"]
        return own


class PriorityForm(ConsoleForm):
    """How much sooner than others it is due."""

    priority = forms.TypedChoiceField(label="Priority", coerce=int, choices=Priority.choices)


class TeamForm(ConsoleForm):
    """The team to move to."""

    team = forms.ChoiceField(label="Team", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = choices_in(self.initial).teams
        self.fields["team"].choices = [*teams.items(), ("", "No team")]  # type: ignore[attr-defined]


class NameForm(ConsoleForm):
    """The contact's name."""

    name = forms.CharField(label="Name", max_length=120, help_text="Stored encrypted and shown masked.")


class LanguageForm(ConsoleForm):
    """The contact's language."""

    language = forms.ChoiceField(
        label="Language", required=False, help_text="Templates are sent in it where there is one."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = str(self.initial.get("language") or "")
        codes = sorted({*LANGUAGES, *([known] if known else [])}, key=language_name)
        choices = [("", "Not known"), *((code, language_name(code)) for code in codes)]
        self.fields["language"].choices = choices  # type: ignore[attr-defined]


class TagForm(ConsoleForm):
    """A tag that adds the contact to an audience."""

    tag = forms.CharField(label="Tag", max_length=60, help_text="A short word, such as “vip”.")


class UntagForm(ConsoleForm):
    """A tag to remove."""

    tag = forms.ChoiceField(label="Tag")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tag"].choices = [(name, name) for name in self.initial.get("tags", [])]  # type: ignore[attr-defined]


class NoteForm(ConsoleForm):
    """A note for colleagues."""

    note = forms.CharField(
        label="Note",
        max_length=NOTE_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "data-mentions": "mentions", "dir": "auto"}),
        help_text="Only colleagues can see it. Write @ and a full name to mention them.",
    )
    mentions = forms.ChoiceField(label="Mention a colleague (optional)", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        colleagues = [(str(pk), name) for pk, name in choices_in(self.initial).viewers.items()]
        self.fields["mentions"].choices = [("", "Nobody"), *sorted(colleagues, key=itemgetter(1))]  # type: ignore[attr-defined]

    def mentioned(self) -> list[UUID]:
        """Return who was chosen."""
        return [UUID(self.cleaned_data["mentions"])] if self.cleaned_data["mentions"] else []


class EditNoteForm(ConsoleForm):
    """One's own note, in other words."""

    note_id = forms.UUIDField(widget=forms.HiddenInput)
    text = forms.CharField(label="Note", max_length=NOTE_LIMIT, widget=forms.Textarea(attrs={"rows": 3}))


def tags_of(conversation: Conversation) -> list[str]:
    """Return the names of the contact's tags; read once for each page."""
    found: list[str] | None = getattr(conversation, "contact_tags", None)
    if found is None:
        rows = ContactTag.objects.filter(contact_id=conversation.contact_id).order_by("name")
        found = list(rows.values_list("name", flat=True))
        conversation.contact_tags = found  # type: ignore[attr-defined]
    return found


def _action_on_conversation(service: Callable[..., Any], **looks: Any) -> ServiceAction:
    return calls(service, "conversation_id", permission=REPLY, **looks)


def _action_on_contact(service: Callable[..., Any], **looks: Any) -> ServiceAction:
    return calls(service, "contact_id", of="contact_id", permission=REPLY, **looks)


def _tag_name(form: ConsoleForm) -> dict[str, str]:
    return {"name": form.cleaned_data["tag"]}


class ConversationActions(ServiceAdmin):
    """The actions of staff besides answering."""

    def form_initial(self, request: HttpRequest, action: Any, obj: Any) -> dict[str, Any]:
        """Return what there is: the priority, the language, and the contact's tags as the choices to remove."""
        if action.path == "reply":
            wanted = id_in(request.GET.get("canned"))
            viewer = viewer_of(request)
            chosen = None
            if wanted and viewer.may(REPLY):
                chosen = canned_replies.usable_replies(actor=viewer).filter(pk=wanted).first()
            if chosen:
                return {"text": canned_replies.text_for(reply=chosen, conversation=obj).text}
            if getattr(obj, "has_draft", None) is False:
                return {}
            draft = drafts.own_draft(actor=viewer_of(request), conversation_id=obj.pk)
            return {"text": draft.body} if draft else {}
        if action.path == "tags":
            on = [str(tag.pk) for tag in tags_on(viewer_of(request), obj)]
            return {"tags": on, "seen": " ".join(on), KEY: choices_of(request)}
        if action.path in ("assign", "team", "note"):
            return {KEY: choices_of(request)}
        if action.path == "priority":
            return {"priority": obj.priority}
        if action.path == "language":
            return {"language": obj.contact.language}
        if action.path != "untag":
            return {}
        return {"tags": tags_of(obj)}

    assign = _action_on_conversation(
        states.assign,
        form=AssignForm,
        title="Assign…",
        submit="Assign",
        explain="The conversation moves to this colleague, even if someone else has it.",
        values=lambda form: {
            "user_id": form.cleaned_data["colleague"],
            "even_if_full": form.cleaned_data["even_if_full"],
        },
        done="Conversation assigned.",
    )
    move = _action_on_conversation(
        assignment.move_to_team,
        form=TeamForm,
        path="team",
        title="Move to a team…",
        submit="Move",
        explain="It waits there, unless the colleague who has it is in that team.",
        values=lambda form: {"team_id": form.cleaned_data["team"] or None},
        done="Conversation moved.",
    )
    escalate = _action_on_conversation(
        states.escalate,
        form=EscalateForm,
        title="Request backup",
        explain="The conversation waits for another colleague. The agent stays silent.",
        done="The conversation is waiting for another colleague.",
    )
    priority = _action_on_conversation(
        snoozes.set_priority,
        form=PriorityForm,
        title="Set priority",
        submit="Save",
        done="Priority saved.",
    )
    name_contact = _action_on_contact(
        revise_contact, form=NameForm, path="name", title="Edit name", submit="Save", done="Name saved."
    )
    language = _action_on_contact(
        revise_contact, form=LanguageForm, title="Edit language", submit="Save", done="Language saved."
    )
    edit_fields = _action_on_conversation(
        set_conversation_fields,
        form=ValuesForm,
        path="fields",
        title="Edit fields",
        submit="Save fields",
        initial=lambda _, talk: values_to_edit(CustomField.Subject.CONVERSATION, values_on(talk)),
        values=ValuesForm.changes,
        done="Fields saved.",
    )
    edit_contact_fields = _action_on_contact(
        set_contact_fields,
        form=ValuesForm,
        path="contact-fields",
        title="Edit the contact's fields",
        submit="Save fields",
        initial=lambda _, talk: values_to_edit(CustomField.Subject.CONTACT, values_on(talk)),
        why_not=lambda talk: "" if getattr(talk, "has_contact_fields", True) else NONE_YET,
        values=ValuesForm.changes,
        done="Fields saved.",
    )
    tags = _action_on_conversation(
        change_tags,
        form=ConversationTagsForm,
        title="Tags",
        submit="Save tags",
        key="t",
        values=ConversationTagsForm.changes,
        done="Tags saved.",
    )
    tag = _action_on_contact(
        contacts.add_tag,
        form=TagForm,
        title="Tag the contact",
        submit="Add",
        values=_tag_name,
        done="Tag added.",
    )
    untag = _action_on_contact(
        contacts.remove_tag,
        form=UntagForm,
        title="Remove tag of the contact",
        submit="Remove",
        values=_tag_name,
        done="Tag removed.",
    )

    @service_action(title="Add note", permission=REPLY, form=NoteForm, submit="Save note", key="n", on_object=True)
    def note(self, request: HttpRequest, obj: Conversation, form: NoteForm) -> str:
        """Add a note for colleagues."""
        viewer = viewer_of(request)
        note = notes.add_note(
            actor=viewer, conversation_id=obj.pk, text=form.cleaned_data["note"], mentions=form.mentioned()
        )
        count = sum(person != viewer.user_id for person in note.mentions)
        return f"Note saved. {count} colleague{'s were' if count > 1 else ' was'} told." if count else "Note saved."

    @service_action(title="Run macro", permission=REPLY, form=RunForm, submit="Run", key="m")
    def macro(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Do a macro's steps with the conversation."""
        ran = macros.run_macro(actor=viewer_of(request), conversation_id=obj.pk, **form.cleaned_data)
        drafts.drop_draft(actor=viewer_of(request), conversation_id=obj.pk) if "reply" in ran.done else None
        if ran.problem is not None:
            return f"Done, but its request wasn't made: {ran.problem.detail}"
        return f"Done. {ran.approval.reference} waits for approval." if ran.approval else "Done."

    edit_note = _action_on_conversation(
        notes.revise_note,
        form=EditNoteForm,
        title="Change note",
        submit="Save note",
        done="Note changed.",
    )
