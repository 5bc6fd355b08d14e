"""Actions on a conversation besides answering: assign, escalate, name, tag, note."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest

from accounts.selectors import list_members
from console.base.actions import service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of
from conversations import services
from conversations.admin.languages import LANGUAGES, language_name
from conversations.models import ContactTag, Conversation, Team

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
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Only colleagues can see it.",
    )


def tags_of(conversation: Conversation) -> list[str]:
    """Return the names of the contact's tags."""
    rows = ContactTag.objects.filter(contact_id=conversation.contact_id).order_by("name")
    return list(rows.values_list("name", flat=True))


class ConversationActions(ServiceAdmin):
    """The actions of staff besides answering."""

    def form_initial(self, request: HttpRequest, action: Any, obj: Any) -> dict[str, Any]:
        """Return the contact's tags as the choices to remove, and the language."""
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
        services.assign(
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
        services.move_to_team(actor=viewer_of(request), conversation_id=obj.pk, team_id=team_id)
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
        services.escalate(actor=viewer_of(request), conversation_id=obj.pk, reason=form.cleaned_data["reason"])
        return "The conversation is waiting for another colleague."

    @service_action(path="name", title="Edit name", permission=REPLY, form=NameForm, submit="Save")
    def name_contact(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Set the contact's name."""
        name = form.cleaned_data["name"]
        services.name_contact(actor=viewer_of(request), contact_id=obj.contact_id, display_name=name)
        return "Name saved."

    @service_action(path="language", title="Edit language", permission=REPLY, form=LanguageForm, submit="Save")
    def language(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Set the language that the contact is written to in."""
        language = form.cleaned_data["language"]
        services.set_language(actor=viewer_of(request), contact_id=obj.contact_id, language=language)
        return "Language saved."

    @service_action(path="tag", title="Add tag", permission=REPLY, form=TagForm, submit="Add")
    def tag(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Tag the contact, which adds them to an audience."""
        services.add_tag(actor=viewer_of(request), contact_id=obj.contact_id, name=form.cleaned_data["tag"])
        return "Tag added."

    @service_action(path="untag", title="Remove tag", permission=REPLY, form=UntagForm, submit="Remove")
    def untag(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Remove a tag, which removes the contact from an audience."""
        services.remove_tag(actor=viewer_of(request), contact_id=obj.contact_id, name=form.cleaned_data["tag"])
        return "Tag removed."

    @service_action(path="note", title="Add note", permission=REPLY, form=NoteForm, submit="Save note")
    def note(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Add a note for colleagues."""
        services.add_note(actor=viewer_of(request), conversation_id=obj.pk, text=form.cleaned_data["note"])
        return "Note saved."
