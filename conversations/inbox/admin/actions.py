"""Actions on a conversation besides answering: assign, escalate, name, tag, note."""

from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from accounts.selectors import list_members
from console.base.actions import service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations.channel_accounts.admin.languages import LANGUAGES, language_name
from conversations.contacts import contacts
from conversations.inbox import assignment, snoozes, states
from conversations.inbox.admin.forms import RunForm
from conversations.inbox.admin.tags import ConversationTagsForm, tags_on
from conversations.inbox.tags import change_tags
from conversations.inbox.threads import notes
from conversations.inbox.threads.thread import NOTE_LIMIT
from conversations.models import ContactTag, Conversation, Priority, Team
from conversations.replies import canned_replies, drafts, macros
from conversations.replies.admin.canned_replies import id_in

VIEW: Final = "conversations.view_conversation"
REPLY: Final = "conversations.reply_conversation"
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
        label="Even if they have no room",
        required=False,
        help_text="For leads of the conversation's team.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = list_members(permission=REPLY)
        choices = [(str(member.user_id), member.user.get_full_name()) for member in members]
        self.fields["colleague"].choices = choices  # type: ignore[attr-defined]


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
        teams = Team.objects.order_by("name").values_list("pk", "name")
        self.fields["team"].choices = [*teams, ("", "No team")]  # type: ignore[attr-defined]


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
        widget=forms.Textarea(attrs={"rows": 3, "data-mentions": "mentions"}),
        help_text="Only colleagues can see it. Write @ and a full name to mention them.",
    )
    mentions = forms.ChoiceField(label="Mention a colleague (optional)", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        colleagues = [(str(one.user_id), one.user.get_full_name()) for one in list_members(permission=VIEW)]
        self.fields["mentions"].choices = [("", "Nobody"), *sorted(colleagues, key=itemgetter(1))]  # type: ignore[attr-defined]

    def mentioned(self) -> list[UUID]:
        """Return who was chosen."""
        return [UUID(self.cleaned_data["mentions"])] if self.cleaned_data["mentions"] else []


class EditNoteForm(ConsoleForm):
    """One's own note, in other words."""

    note_id = forms.UUIDField(widget=forms.HiddenInput)
    text = forms.CharField(label="Note", max_length=NOTE_LIMIT, widget=forms.Textarea(attrs={"rows": 3}))


def tags_of(conversation: Conversation) -> list[str]:
    """Return the names of the contact's tags."""
    rows = ContactTag.objects.filter(contact_id=conversation.contact_id).order_by("name")
    return list(rows.values_list("name", flat=True))


class ConversationActions(ServiceAdmin):
    """The actions of staff besides answering."""

    def form_initial(self, request: HttpRequest, action: Any, obj: Any) -> dict[str, Any]:
        """Return what there is: the priority, the language, and the contact's tags as the choices to remove."""
        if action.path == "reply":
            wanted = id_in(request.GET.get("canned"))
            usable = canned_replies.usable_replies(actor=viewer_of(request))
            chosen = usable.filter(pk=wanted).first() if wanted else None
            if chosen:
                return {"text": canned_replies.text_for(reply=chosen, conversation=obj).text}
            draft = drafts.own_draft(actor=viewer_of(request), conversation_id=obj.pk)
            return {"text": draft.body} if draft else {}
        if action.path == "tags":
            on = [str(tag.pk) for tag in tags_on(viewer_of(request), obj)]
            return {"tags": on, "seen": " ".join(on)}
        if action.path == "priority":
            return {"priority": obj.priority}
        if action.path == "language":
            return {"language": obj.contact.language}
        if action.path != "untag":
            return {}
        return {"tags": tags_of(obj)}

    @service_action(
        path="assign",
        title="Assign…",
        permission=REPLY,
        form=AssignForm,
        submit="Assign",
        explain="The conversation moves to this colleague, even if someone else has it.",
    )
    def assign(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Assign the conversation to a colleague."""
        colleague = form.cleaned_data["colleague"]
        states.assign(
            actor=viewer_of(request),
            conversation_id=obj.pk,
            user_id=colleague,
            even_if_full=form.cleaned_data["even_if_full"],
        )
        return "Conversation assigned."

    @service_action(
        path="team",
        title="Move to a team…",
        permission=REPLY,
        form=TeamForm,
        submit="Move",
        explain="It waits there, unless the colleague who has it is in that team.",
    )
    def move(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Put the conversation into another team."""
        team_id = form.cleaned_data["team"] or None
        assignment.move_to_team(actor=viewer_of(request), conversation_id=obj.pk, team_id=team_id)
        return "Conversation moved."

    @service_action(
        path="escalate",
        title="Request backup",
        permission=REPLY,
        form=EscalateForm,
        submit="Request backup",
        explain="The conversation waits for another colleague. The agent stays silent.",
    )
    def escalate(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Return the conversation to those that need a person."""
        states.escalate(actor=viewer_of(request), conversation_id=obj.pk, reason=form.cleaned_data["reason"])
        return "The conversation is waiting for another colleague."

    @service_action(
        path="snooze",
        title="Snooze",
        permission=REPLY,
        form=SnoozeForm,
        explain="It rests until then, or until the customer writes. Its clock stands still.",
        key="s",
    )
    def snooze(self, request: HttpRequest, obj: Conversation, form: SnoozeForm) -> str:
        """Let the conversation rest."""
        snoozes.snooze(actor=viewer_of(request), conversation_id=obj.pk, until=form.until())
        return "The conversation is snoozed."

    @service_action(path="wake", title="End snooze", permission=REPLY, explain="Its clock goes on.")
    def wake(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """End the conversation's rest."""
        snoozes.wake(actor=viewer_of(request), conversation_id=obj.pk)
        return "The conversation is back."

    @service_action(path="priority", title="Set priority", permission=REPLY, form=PriorityForm, submit="Save")
    def priority(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Set how much sooner than others it is due."""
        chosen = form.cleaned_data["priority"]
        snoozes.set_priority(actor=viewer_of(request), conversation_id=obj.pk, priority=chosen)
        return "Priority saved."

    @service_action(path="name", title="Edit name", permission=REPLY, form=NameForm, submit="Save")
    def name_contact(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Set the contact's name."""
        name = form.cleaned_data["name"]
        contacts.name_contact(actor=viewer_of(request), contact_id=obj.contact_id, display_name=name)
        return "Name saved."

    @service_action(path="language", title="Edit language", permission=REPLY, form=LanguageForm, submit="Save")
    def language(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Set the language that the contact is written to in."""
        language = form.cleaned_data["language"]
        contacts.set_language(actor=viewer_of(request), contact_id=obj.contact_id, language=language)
        return "Language saved."

    @service_action(path="tags", title="Tags", permission=REPLY, form=ConversationTagsForm, submit="Save tags", key="t")
    def tags(self, request: HttpRequest, obj: Conversation, form: ConversationTagsForm) -> str:
        """Put tags on the conversation, and take others off."""
        change_tags(actor=viewer_of(request), conversation_id=obj.pk, **form.changes())
        return "Tags saved."

    @service_action(path="tag", title="Tag the contact", permission=REPLY, form=TagForm, submit="Add")
    def tag(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Tag the contact, which adds them to an audience."""
        contacts.add_tag(actor=viewer_of(request), contact_id=obj.contact_id, name=form.cleaned_data["tag"])
        return "Tag added."

    @service_action(path="untag", title="Remove tag of the contact", permission=REPLY, form=UntagForm, submit="Remove")
    def untag(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Remove a tag, which removes the contact from an audience."""
        contacts.remove_tag(actor=viewer_of(request), contact_id=obj.contact_id, name=form.cleaned_data["tag"])
        return "Tag removed."

    @service_action(path="note", title="Add note", permission=REPLY, form=NoteForm, submit="Save note", key="n")
    def note(self, request: HttpRequest, obj: Conversation, form: NoteForm) -> str:
        """Add a note for colleagues."""
        viewer = viewer_of(request)
        note = notes.add_note(
            actor=viewer, conversation_id=obj.pk, text=form.cleaned_data["note"], mentions=form.mentioned()
        )
        count = sum(person != viewer.user_id for person in note.mentions)
        return f"Note saved. {count} colleague{'s were' if count > 1 else ' was'} told." if count else "Note saved."

    @service_action(path="macro", title="Run macro", permission=REPLY, form=RunForm, submit="Run", key="m")
    def macro(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Do a macro's steps with the conversation."""
        ran = macros.run_macro(actor=viewer_of(request), conversation_id=obj.pk, **form.cleaned_data)
        drafts.drop_draft(actor=viewer_of(request), conversation_id=obj.pk) if "reply" in ran.done else None
        if ran.problem is not None:
            return f"Done, but its request wasn't made: {ran.problem.detail}"
        return f"Done. {ran.approval.reference} waits for approval." if ran.approval else "Done."

    @service_action(path="edit-note", title="Change note", permission=REPLY, form=EditNoteForm, submit="Save note")
    def edit_note(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Change one's own note within 15 minutes."""
        notes.revise_note(actor=viewer_of(request), conversation_id=obj.pk, **form.cleaned_data)
        return "Note changed."
