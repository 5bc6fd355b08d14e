"""Forms of the conversation page that pass it on and say more about it: assign, escalate, tags, notes."""

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
from conversations.models import ContactTag, Conversation

REPLY: Final = "conversations.reply_conversation"
REASONS: Final = {
    "needs_specialist": "It needs somebody who knows more",
    "complaint": "It is a complaint",
    "legal": "It is a legal matter",
    "asked_for_person": "The customer asks for somebody else",
    "agent_failed": "The agent could not answer",
}


class EscalateForm(ConsoleForm):
    """Why somebody else has to help."""

    reason = forms.ChoiceField(label="Why?", choices=list(REASONS.items()))


class AssignForm(ConsoleForm):
    """The colleague who is to answer."""

    colleague = forms.TypedChoiceField(label="Colleague", coerce=UUID)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        seats = list_members(permission=REPLY)
        choices = [(str(seat.user_id), seat.user.get_full_name()) for seat in seats]
        self.fields["colleague"].choices = choices  # type: ignore[attr-defined]


class NameForm(ConsoleForm):
    """What the contact is called."""

    name = forms.CharField(label="Name", max_length=120, help_text="Kept encrypted; pages show it masked.")


class TagForm(ConsoleForm):
    """A word that puts the contact into an audience."""

    tag = forms.CharField(label="Tag", max_length=60, help_text="A short word, such as “vip”.")


class UntagForm(ConsoleForm):
    """A tag to take off."""

    tag = forms.ChoiceField(label="Tag")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tag"].choices = [(name, name) for name in self.initial.get("tags", [])]  # type: ignore[attr-defined]


class NoteForm(ConsoleForm):
    """A remark for colleagues."""

    note = forms.CharField(
        label="Note",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Only colleagues see it.",
    )


def tags_of(conversation: Conversation) -> list[str]:
    """Return the names of the contact's tags."""
    rows = ContactTag.objects.filter(contact_id=conversation.contact_id).order_by("name")
    return list(rows.values_list("name", flat=True))


class ConversationActions(ServiceAdmin):
    """What staff may do with a conversation besides answering it."""

    def form_initial(self, request: HttpRequest, action: Any, obj: Any) -> dict[str, Any]:
        """Offer the tags the contact has."""
        if action.path != "untag":
            return {}
        return {"tags": tags_of(obj)}

    @service_action(
        path="assign",
        title="Give to a colleague",
        permission=REPLY,
        form=AssignForm,
        submit="Assign",
        explain="Whoever has it now, the colleague has it then.",
    )
    def assign(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Let a colleague answer."""
        colleague = form.cleaned_data["colleague"]
        services.assign(actor=viewer_of(request), conversation_id=obj.pk, user_id=colleague)
        return "The conversation is assigned."

    @service_action(
        path="escalate",
        title="Ask for another person",
        permission=REPLY,
        form=EscalateForm,
        submit="Escalate",
        explain="It waits for somebody who can help; the agent stays silent.",
    )
    def escalate(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Put it back among those that need a person."""
        services.escalate(actor=viewer_of(request), conversation_id=obj.pk, reason=form.cleaned_data["reason"])
        return "It waits for another person."

    @service_action(path="name", title="Name the contact", permission=REPLY, form=NameForm, submit="Save the name")
    def name_contact(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Say what the contact is called."""
        name = form.cleaned_data["name"]
        services.name_contact(actor=viewer_of(request), contact_id=obj.contact_id, display_name=name)
        return "The name is saved."

    @service_action(path="tag", title="Add a tag", permission=REPLY, form=TagForm, submit="Add the tag")
    def tag(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Put the contact into an audience."""
        services.add_tag(actor=viewer_of(request), contact_id=obj.contact_id, name=form.cleaned_data["tag"])
        return "The tag is added."

    @service_action(path="untag", title="Remove a tag", permission=REPLY, form=UntagForm, submit="Remove the tag")
    def untag(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Take the contact out of an audience."""
        services.remove_tag(actor=viewer_of(request), contact_id=obj.contact_id, name=form.cleaned_data["tag"])
        return "The tag is removed."

    @service_action(path="note", title="Write a note", permission=REPLY, form=NoteForm, submit="Keep the note")
    def note(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Tell colleagues something."""
        services.add_note(actor=viewer_of(request), conversation_id=obj.pk, text=form.cleaned_data["note"])
        return "The note is kept."
