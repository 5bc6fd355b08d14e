"""The console's pages of tags."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from console.base.actions import ServiceAction, service_action
from console.base.crud import creates, deletes, edits
from console.base.forms import ConsoleForm, VersionedForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import CONVERSATIONS, SETTINGS, Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from conversations.inbox.admin.choices import choices_in
from conversations.inbox.assignment import MANAGE
from conversations.inbox.selectors.tags import tags_of_conversations
from conversations.inbox.tags import create_tag, delete_tag, merge_tags, revise_tag
from conversations.models import Conversation, Tag
from core.actors import Actor


def tag_chips(tags: Any) -> SafeString:
    """Draw tags in their colours."""
    return format_html_join(" ", "{}", ((chip(tag.name, tag.colour, "tag"),) for tag in tags))


def chips_of_names(names: Sequence[str]) -> SafeString:
    """Draw a contact's tags, each in the colour of the tag with its name. At most one query."""
    colours = dict(Tag.objects.filter(name__in=names).values_list("name", "colour")) if names else {}
    return format_html_join(" ", "{}", ((chip(name, colours.get(name, Tag.Colour.NEUTRAL), "flag"),) for name in names))


def tags_on(viewer: Actor, conversation: Conversation) -> Sequence[Tag]:
    """Return the tags of a conversation; read once for each page."""
    found: Sequence[Tag] | None = getattr(conversation, "tags_on_it", None)
    if found is None:
        found = tags_of_conversations(viewer=viewer, conversation_ids=[conversation.pk]).get(conversation.pk, ())
        conversation.tags_on_it = found  # type: ignore[attr-defined]
    return found


class TagForm(VersionedForm):
    """A tag."""

    name = forms.CharField(
        label="Name",
        max_length=60,
        help_text="What it is about, such as “Returns”. No personal data: everybody sees it.",
    )
    colour = forms.ChoiceField(label="Colour", choices=Tag.Colour.choices, widget=forms.RadioSelect)

    def said(self) -> dict[str, Any]:
        """Return what the service takes."""
        return {name: self.cleaned_data[name] for name in ("name", "colour")}


class MergeForm(VersionedForm):
    """The tag that takes this one's place."""

    into = forms.ChoiceField(label="Merge into")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = Tag.objects.exclude(pk=self.initial.get("tag")).order_by("name").values_list("pk", "name")
        self.fields["into"].choices = list(others)  # type: ignore[attr-defined]


@admin.register(Tag)
class TagAdmin(ServiceAdmin):
    """Words that conversations are sorted by."""

    view_permission = MANAGE
    nav = Nav("Tags", "tag", SETTINGS, CONVERSATIONS, order=30)
    intro = "Words that conversations are sorted by. A contact's tag of the same name has the same colour."
    empty_title = "No tags yet"
    empty_text = "Make the first one, such as “Returns”."
    list_display = ("shown", "made")
    ordering = ("name", "id")
    to_list = ("delete", "merge")
    search_fields: ClassVar = ("name",)
    detail_fields = ("shown", "made")

    shown = Column[Tag]("Tag", lambda tag: tag_chips([tag]))
    made = Column[Tag]("Created", lambda tag: moment(tag.created_at))

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the values a form starts with."""
        if obj is None:
            return {"colour": Tag.Colour.NEUTRAL.value}
        return {"name": obj.name, "colour": obj.colour, "version": obj.version, "tag": obj.pk}

    create = creates(create_tag, MANAGE, TagForm, title="New tag", done="“{}” was created.", values=TagForm.said)
    edit = edits(revise_tag, "tag_id", MANAGE, TagForm, tone="primary", done="“{}” was saved.", values=TagForm.said,
                 explain="A new name counts for contacts with this tag, and their audience, too.")  # fmt: skip

    @service_action(title="Merge…", permission=MANAGE, form=MergeForm, submit="Merge",
                    explain="Conversations and contacts with this tag get the other one, and this one is deleted. "
                    "It can't be undone.")  # fmt: skip
    def merge(self, request: HttpRequest, obj: Tag, form: MergeForm) -> str:
        """Merge the tag into another."""
        into = merge_tags(
            actor=viewer_of(request), tag_id=obj.pk, into_id=form.cleaned_data["into"], seen_version=form.seen_version()
        )
        return f"“{obj}” is now “{into}”."

    delete = deletes(delete_tag, "tag_id", MANAGE, form=VersionedForm, done="“{}” was deleted.",
                     explain="It's taken off all conversations. Contacts keep theirs.")  # fmt: skip


class ConversationTagsForm(ConsoleForm):
    """The tags of a conversation, with those that were on it when the form was shown."""

    tags = forms.MultipleChoiceField(label="Tags", required=False, widget=forms.CheckboxSelectMultiple)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = choices_in(self.initial).tags
        self.fields["tags"].choices = [(str(pk), name) for pk, name in rows.items()]  # type: ignore[attr-defined]
        if not rows:
            self.fields["tags"].help_text = "There are no tags yet. Those who manage the inbox make them under Tags."

    def changes(self) -> dict[str, set[UUID]]:
        """Return what was checked and unchecked: what a colleague changed meanwhile stays."""
        chosen, seen = set(self.cleaned_data["tags"]), set(self.cleaned_data["seen"].split())
        known = {value for value, _ in self.fields["tags"].choices}  # type: ignore[attr-defined]
        add, remove = chosen - seen, (seen - chosen) & known
        return {"add": {UUID(one) for one in add}, "remove": {UUID(one) for one in remove}}
