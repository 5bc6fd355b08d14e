"""Make, change and merge tags, and put them on conversations."""

import re
from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Subquery

from accounts.versioning import check_version, lock_version, unique
from conversations.events import stream_events
from conversations.inbox import assignment, changes, states
from conversations.inbox.changes import Change
from conversations.models import ContactTag, Conversation, ConversationTag, Tag
from core.actors import Actor
from core.audit import chain
from core.db.locks import advisory_lock, locked
from core.errors import Invalid

MISSING: Final = "This tag doesn't exist."
MOST: Final = 20
"""Tags of one conversation."""
_NAME: Final = re.compile(r"[\w][\w .&/+-]{0,59}")
# Held shared while a conversation is tagged, and alone while two tags become one.
_LOCK: Final = "tags"


def create_tag(*, actor: Actor, name: str, colour: str = Tag.Colour.NEUTRAL) -> Tag:
    """Make a tag.

    Needs `conversations.manage_desk`. Raises `Refused`, `Invalid` with the fields, and `Conflict` ("exists"). Writes
    `TAG_CREATED`.
    """
    actor.require(assignment.MANAGE)
    values = _checked(name, colour)
    with _unique(actor, values["name"]):
        tag: Tag = Tag.objects.create(**values)
        chain.note(actor, "TAG_CREATED", tag)
    return tag


def revise_tag(*, actor: Actor, tag_id: UUID, name: str, colour: str, seen_version: int | None = None) -> Tag:
    """Rename a tag or change its colour; contacts with the tag have the new name.

    Needs `conversations.manage_desk`. Raises `Refused`, `NotFound`, `Invalid` with the fields, and `Conflict`
    ("exists", "stale_version"). Writes `TAG_REVISED`.
    """
    actor.require(assignment.MANAGE)
    values = _checked(name, colour)
    with _unique(actor, values["name"]):
        advisory_lock(_LOCK)
        tag = lock_version(actor, Tag, tag_id, seen_version, MISSING)
        contacts = _rename_of_contacts(tag.name, values["name"])
        Tag.objects.filter(pk=tag.pk).update(**values, version=tag.version + 1)
        tag.refresh_from_db()
        chain.note(actor, "TAG_REVISED", tag, contacts=contacts)
    return tag


def merge_tags(*, actor: Actor, tag_id: UUID, into_id: UUID, seen_version: int | None = None) -> Tag:
    """Replace a tag by another, and delete it.

    Conversations and contacts with it get the other one. Needs `conversations.manage_desk`. Raises `Refused`,
    `NotFound`, `Invalid` for a tag that is merged into itself, and `Conflict` ("stale_version"). Writes `TAG_MERGED`,
    with how many conversations and contacts changed.
    """
    actor.require(assignment.MANAGE)
    if tag_id == into_id:
        raise Invalid("A tag can't be merged into itself.", fields={"into_id": ["Choose another tag."]})
    with transaction.atomic():
        advisory_lock(_LOCK)
        first, second = sorted((tag_id, into_id))
        rows = {pk: locked(Tag, pk, MISSING) for pk in (first, second)}
        tag, into = rows[tag_id], rows[into_id]
        check_version(actor, Tag._meta.label_lower, tag, seen_version)
        has_both = ConversationTag.objects.filter(tag=into).values("conversation_id")
        moved = ConversationTag.objects.filter(tag=tag).exclude(conversation_id__in=Subquery(has_both)).update(tag=into)
        contacts = _rename_of_contacts(tag.name, into.name)
        chain.note(actor, "TAG_MERGED", tag, into=str(into.pk), conversations=moved, contacts=contacts)
        tag.delete()
    return into


def delete_tag(*, actor: Actor, tag_id: UUID, seen_version: int | None = None) -> None:
    """Delete a tag and take it off all conversations; the tags of contacts stay.

    Needs `conversations.manage_desk`. Raises `Refused`, `NotFound`, and `Conflict` ("stale_version"). Writes
    `TAG_DELETED`.
    """
    actor.require(assignment.MANAGE)
    with transaction.atomic():
        advisory_lock(_LOCK)
        tag = lock_version(actor, Tag, tag_id, seen_version, MISSING)
        chain.note(actor, "TAG_DELETED", tag)
        tag.delete()


def change_tags(
    *, actor: Actor, conversation_id: UUID, add: Collection[UUID] = (), remove: Collection[UUID] = ()
) -> Conversation:
    """Put tags on a conversation and take others off. Safe to repeat.

    A closed one can be tagged too. Only what is named changes, so that two colleagues who do it at once keep both.
    Needs `conversations.reply_conversation`. Raises `Refused`, `NotFound`, and `Invalid` for an unknown tag or more
    than 20. Writes `CONVERSATION_TAGGED`.
    """
    actor.require(assignment.REPLY)
    with transaction.atomic():
        require_tags(add)
        conversation = states.locked(conversation_id, actor=actor)
        changes.keep([tag_locked(actor, conversation, add=add, remove=remove)])
    return conversation


def require_tags(tag_ids: Collection[UUID]) -> None:
    """Raise `Invalid` for unknown tags; those that are known stay until the end of the transaction."""
    advisory_lock(_LOCK, shared=True)
    unknown = {*tag_ids} - set(Tag.objects.filter(pk__in={*tag_ids}).values_list("pk", flat=True))
    if unknown:
        wrong = {"add": [f"{len(unknown)} of these tags {'doesn’t' if len(unknown) == 1 else 'don’t'} exist."]}
        raise Invalid("There is no such tag.", fields=wrong)


def tag_locked(
    actor: Actor, conversation: Conversation, *, add: Collection[UUID] = (), remove: Collection[UUID] = ()
) -> Change | None:
    """Do what `change_tags` does with a locked conversation and known tags; None if nothing changes."""
    present = set(ConversationTag.objects.filter(conversation=conversation).values_list("tag_id", flat=True))
    fresh, gone = {*add} - present - {*remove}, present & {*remove}
    if len(present | fresh) - len(gone) > MOST:
        problem = f"A conversation has at most {MOST} tags."
        raise Invalid(problem, fields={"add": [problem]})
    if not fresh and not gone:
        return None
    if gone:
        ConversationTag.objects.filter(conversation=conversation, tag_id__in=gone).delete()
    ConversationTag.objects.bulk_create(ConversationTag(conversation=conversation, tag_id=pk) for pk in fresh)
    facts = {"added": sorted(map(str, fresh)), "removed": sorted(map(str, gone))}
    return Change(
        (stream_events.listed_event(conversation, "conversation_tagged"),),
        stream_events.fact_of(actor, "CONVERSATION_TAGGED", conversation, old_state=conversation.state, **facts),
    )


def _rename_of_contacts(old: str, new: str) -> int:
    """Let contacts with a tag have another one, and return how many there are."""
    if old == new:
        return 0
    rows = ContactTag.objects.filter(name=old)
    has_both = ContactTag.objects.filter(name=new).values("contact_id")
    changed = rows.exclude(contact_id__in=Subquery(has_both)).update(name=new)
    rows.delete()
    return changed


def _checked(name: str, colour: str) -> dict[str, str]:
    wrong: dict[str, list[str]] = {}
    word = " ".join(name.split())
    if not _NAME.fullmatch(word):
        wrong["name"] = ["Use letters, digits, spaces and . & / + -, at most 60."]
    if colour not in Tag.Colour.values:
        wrong["colour"] = ["Choose a colour."]
    if wrong:
        raise Invalid("This tag can't be saved.", fields=wrong)
    return {"name": word, "colour": colour}


def _unique(actor: Actor, name: str) -> AbstractContextManager[None]:
    return unique(actor, Tag.objects.filter(name__iexact=name), "There is a tag with this name.")
