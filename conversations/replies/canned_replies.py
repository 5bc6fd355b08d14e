"""Write canned replies, and fill their variables when they are sent."""

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet

from accounts.selectors import names_of
from accounts.versioning import unique
from conversations import texts
from conversations.contacts.fields import language_code
from conversations.custom_fields.facts import fields_in_rules
from conversations.custom_fields.selectors import told_without_a_look, values_of
from conversations.inbox import assignment
from conversations.inbox.states import MACHINES
from conversations.inbox.teams.seen import answered_conversations, get_seen, require_reply
from conversations.messages.attachments import File
from conversations.messages.files.rules import Upload
from conversations.models import CannedFile, CannedReply, Conversation, Team, TriageRule
from conversations.replies import canned_files, visibility
from conversations.replies.visibility import Sharing
from core.actors import Actor
from core.audit import chain
from core.errors import Conflict, Invalid, NotFound

CANT: Final = "This canned reply can't be saved."
KIND: Final = Sharing(CannedReply, "replies", missing="This canned reply doesn't exist.", cant=CANT)
VARIABLES: Final = {
    "first_name": "the customer's first name",
    "my_name": "your first name",
    "team": "the conversation's team",
}
FIELD: Final = "field."
"""What the variables of custom fields begin with; their key follows."""
_VARIABLE: Final = re.compile(r"\{\{\s*([^{}]{0,40}?)\s*\}\}")
_SHORTCUT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MOST_LANGUAGES: Final = 20


@dataclass(frozen=True, slots=True)
class CannedText:
    """What a canned reply says and who may use it: a team, or with `is_personal` its writer; otherwise everybody.

    `text` is in `language`, and counts where `translations` have no better one.
    """

    shortcut: str
    title: str
    text: str
    team_id: UUID | None = None
    is_personal: bool = False
    language: str = "en"
    translations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChosenText:
    """The text of a canned reply that fits a conversation; a fallback if none is in its customer's language."""

    text: str
    language: str
    is_fallback: bool


def usable_replies(*, actor: Actor) -> QuerySet[CannedReply]:
    """Return what somebody may use: those of all, of their teams, and their own.

    Needs `conversations.reply_conversation`. One query.
    """
    return visibility.usable(KIND, actor=actor).order_by("shortcut", "id")


def with_files(rows: QuerySet[CannedReply]) -> QuerySet[CannedReply]:
    """Read the files of replies with them, without their bytes. One query more."""
    files = CannedFile.objects.defer(*canned_files.SEALED).order_by("created_at", "id")
    return rows.prefetch_related(Prefetch("files", queryset=files))


def create_canned_reply(*, actor: Actor, wanted: CannedText, files: Sequence[Upload] = ()) -> CannedReply:
    """Create a canned reply, with files if given.

    With files, call it outside any transaction. Needs `conversations.reply_conversation` for oneself, to lead the team
    for a team's, and `conversations.manage_desk` for everybody's. Raises `Refused`, `Invalid` with the fields,
    `Unavailable`, and `Conflict` ("exists"). Writes `CANNED_REPLY_CREATED`.
    """
    values = _checked(actor, wanted)
    prepared = canned_files.prepare_files(files)
    with _unique(actor, values):
        row: CannedReply = CannedReply.objects.create(**values)
        canned_files.change_files(row, add=prepared, remove=())
        chain.note(actor, "CANNED_REPLY_CREATED", row, scope=row.scope)
    return row


def revise_canned_reply(
    *,
    actor: Actor,
    reply_id: UUID,
    wanted: CannedText,
    add_files: Sequence[Upload] = (),
    remove_files: Collection[UUID] = (),
    seen_version: int | None = None,
) -> CannedReply:
    """Change a canned reply, and its files.

    With new files, call it outside any transaction. Needs what creating it needs, before and after. Raises `Refused`,
    `NotFound`, `Invalid` with the fields, `Unavailable`, and `Conflict` ("exists", "stale_version"). What a triage rule
    sends has to stay fit for that. Writes `CANNED_REPLY_REVISED`.
    """
    values = _checked(actor, wanted)
    prepared = canned_files.prepare_files(add_files)
    with _unique(actor, values):
        row = visibility.lock_changeable(KIND, actor=actor, row_id=reply_id, seen_version=seen_version)
        _require_fit_for_rules(row, values)
        canned_files.change_files(row, add=prepared, remove=remove_files)
        return _revised(actor, row, **values)


def delete_canned_reply(*, actor: Actor, reply_id: UUID, seen_version: int | None = None) -> None:
    """Delete a canned reply.

    Needs what creating it needs. Raises `Refused`, `NotFound`, and `Conflict` ("in_use" by a triage rule,
    "stale_version"). Writes `CANNED_REPLY_DELETED`.
    """
    with transaction.atomic():
        row = visibility.lock_changeable(KIND, actor=actor, row_id=reply_id, seen_version=seen_version)
        if rule := _rule_of(row):
            raise Conflict(f"The triage rule “{rule}” sends this reply. Change the rule first.", code="in_use")
        chain.note(actor, "CANNED_REPLY_DELETED", row, scope=row.scope)
        delete_rows(CannedReply.objects.filter(pk=row.pk))


def delete_those_of(team: Team) -> None:
    delete_rows(CannedReply.objects.filter(team=team))


def delete_rows(rows: QuerySet[CannedReply]) -> None:
    """Delete replies with their files.

    For services that delete what these belong to, in their transaction.
    """
    canned_files.drop_files(CannedFile.objects.filter(reply__in=rows.order_by()))
    rows.delete()


def add_canned_files(*, actor: Actor, reply_id: UUID, files: Sequence[Upload]) -> CannedReply:
    """Put files to a canned reply; call it outside any transaction.

    They are checked as those of messages are. Needs what creating it needs. Raises `Refused`, `NotFound`, `Invalid`
    for files that no channel carries or more than 10, and `Unavailable`. Writes `CANNED_REPLY_REVISED`.
    """
    with transaction.atomic():
        # Nothing is sealed for somebody who may not.
        visibility.lock_changeable(KIND, actor=actor, row_id=reply_id)
    prepared = canned_files.prepare_files(files)
    with transaction.atomic():
        row = visibility.lock_changeable(KIND, actor=actor, row_id=reply_id)
        canned_files.change_files(row, add=prepared, remove=())
        return _revised(actor, row)


def remove_canned_file(*, actor: Actor, reply_id: UUID, file_id: UUID) -> CannedReply:
    """Take a file away from a canned reply.

    Needs what creating it needs. Raises `Refused`, `NotFound`. Writes `CANNED_REPLY_REVISED`.
    """
    with transaction.atomic():
        row = visibility.lock_changeable(KIND, actor=actor, row_id=reply_id)
        if not CannedFile.objects.filter(pk=file_id, reply=row).exists():
            raise NotFound("There is no such file.")
        canned_files.change_files(row, add=(), remove=[file_id])
        return _revised(actor, row)


def read_canned_file(*, actor: Actor, reply_id: UUID, file_id: UUID) -> File:
    """Return a file of a canned reply that somebody may use, in clear.

    Needs `conversations.reply_conversation`. Raises `Refused`, `NotFound`, `Unavailable`.
    """
    return canned_files.read_file(usable_replies(actor=actor), reply_id, file_id)


def canned_uploads(*, actor: Actor, file_ids: Sequence[UUID]) -> list[Upload]:
    """Return files of canned replies that somebody may use, to send them.

    Call it outside any transaction. Needs `conversations.reply_conversation`. Raises `Refused`, `Invalid` if one is
    gone, `Unavailable`.
    """
    return canned_files.uploads_of(usable_replies(actor=actor), file_ids) if file_ids else []


def text_for(*, reply: CannedReply, conversation: Conversation) -> ChosenText:
    """Return the text in the customer's language, or else the reply's own.

    How they write counts first, then the language of the contact. Reads the conversation's contact. A text in the same
    language of another country is better than none.
    """
    texts_by_code = {reply.language: reply.text, **reply.translations}
    for wanted in filter(None, (conversation.language, conversation.contact.language)):
        code = language_code(wanted)
        same = [one for one in texts_by_code if one.partition("_")[0] == code.partition("_")[0]]
        found = code if code in texts_by_code else next(iter(same), "")
        if found:
            return ChosenText(texts_by_code[found], found, is_fallback=False)
    is_known = bool(conversation.language or conversation.contact.language)
    return ChosenText(reply.text, reply.language, is_fallback=is_known)


def preview_canned_reply(*, actor: Actor, reply: CannedReply, conversation_id: UUID) -> ChosenText:
    """Return what would be sent in a conversation, in which language, masked.

    Needs `conversations.reply_conversation`; raises `NotFound`.
    """
    actor.require(assignment.REPLY)
    conversation = get_seen(answered_conversations(actor).select_related("contact"), conversation_id)
    chosen = text_for(reply=reply, conversation=conversation)
    text = fill_variables(actor=actor, conversation_id=conversation_id, text=chosen.text, masked=True)
    return replace(chosen, text=text)


def fill_variables(*, actor: Actor, conversation_id: UUID, text: str, masked: bool = False) -> str:
    """Return a text with the values of this conversation in its variables.

    Two queries if it has any, one more for those of custom fields, none otherwise. What isn't a variable of ours stays
    as it is typed; personal fields are left empty, and where no person replies, those that a merge may have brought.
    With `masked` as a preview shows it. Needs `conversations.reply_conversation`; raises `NotFound`.
    """
    require_reply(actor)
    wanted = _VARIABLE.findall(text)
    fields = [name for name in wanted if name.startswith(FIELD)]
    if not fields and not any(name in VARIABLES for name in wanted):
        return text
    conversation = get_seen(answered_conversations(actor).select_related("contact", "team"), conversation_id)
    contact = conversation.contact
    name = contact.masked_name if masked else contact.display_name
    mine = names_of([actor.user_id]).get(actor.user_id, "") if actor.user_id else ""
    values = {
        "first_name": _first(name),
        "my_name": _first(mine),
        "team": conversation.team.name if conversation.team else "",
        **dict.fromkeys(fields, ""),
    }
    if fields:
        whose = Q(conversation=conversation) | Q(contact=contact)
        if actor.kind in MACHINES:
            whose = told_without_a_look(conversation_id=conversation.pk, record_id=conversation.record_id)
        rows = values_of(whose)
        values |= {f"{FIELD}{row.field.key}": row.text for row in rows if not row.field.is_personal}
    filled = _VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)
    # "Hello ," and "Thank you, ." where no name is known.
    return re.sub(r",?[ \t]+(?=[.!?;:])|[ \t]+(?=,)", "", filled)


def unknown_variable(text: str) -> str:
    """Return what is wrong with the variables of a text; "" if nothing is. One query for those of custom fields."""
    unknown = sorted(set(_VARIABLE.findall(text)) - set(VARIABLES))
    if any(name.startswith(FIELD) for name in unknown):
        known = {f"{FIELD}{field.key}" for field in fields_in_rules().fields}
        unknown = [name for name in unknown if name not in known]
    if not unknown:
        return ""
    names = ", ".join(f"{{{{ {name} }}}}" for name in VARIABLES)
    own = "{{ field.key }} for a custom field that isn't personal data"
    return f"{{{{ {unknown[0]} }}}} isn't a variable. There are {names}, and {own}."


def _first(name: str) -> str:
    return name.split(maxsplit=1)[0] if name.split() else ""


def _checked(actor: Actor, wanted: CannedText) -> dict[str, Any]:
    """Return the columns of what somebody wants to save. Raises `Refused` and `Invalid`."""
    visibility.require_change(KIND, actor=actor, team_id=wanted.team_id, is_personal=wanted.is_personal)
    wrong: dict[str, list[str]] = {}
    shortcut = wanted.shortcut.strip().removeprefix("/").lower()
    if not _SHORTCUT.fullmatch(shortcut):
        wrong["shortcut"] = ["Use letters, digits, - and _, such as return-label."]
    title = " ".join(texts.clean(wanted.title).split())
    if not title or len(title) > 80:
        wrong["title"] = ["Enter a title of at most 80 characters."]
    text = texts.clean(wanted.text).strip()
    if problem := _problem_of(text):
        wrong["text"] = [problem]
    language = language_code(wanted.language)
    if not language:
        wrong["language"] = ["Choose the language of the text, such as en or pt_BR."]
    translations = {code: texts.clean(one).strip() for code, one in wanted.translations.items()}
    if problem := _problem_of_translations(translations, language):
        wrong["translations"] = [problem]
    if wrong:
        raise Invalid(CANT, fields=wrong)
    owner = actor.user_id if wanted.is_personal else None
    words = {"shortcut": shortcut, "title": title, "text": text, "language": language, "translations": translations}
    return {**words, "team_id": wanted.team_id, "owner_id": owner}


def _problem_of(text: str) -> str:
    if not text or len(text) > settings.TEXT_LIMIT:
        return f"Enter a text of at most {settings.TEXT_LIMIT:,} characters."
    return unknown_variable(text)


def _problem_of_translations(translations: Mapping[str, str], language: str) -> str:
    if len(translations) > MOST_LANGUAGES:
        return f"Use at most {MOST_LANGUAGES} other languages."
    for code, text in translations.items():
        if language_code(code) != code:
            return f"“{code[:16]}” isn't a language. Use codes such as de or pt_BR."
        if code == language:
            return f"The text itself is in {code}. Remove one of the two."
        if problem := _problem_of(text):
            return f"{code}: {problem}"
    return ""


def _rule_of(row: CannedReply) -> TriageRule | None:
    return TriageRule.objects.filter(reply=row).order_by("position", "id").first()


def _require_fit_for_rules(row: CannedReply, values: Mapping[str, Any]) -> None:
    """Raise `Invalid` if a triage rule sends the reply and couldn't any more."""
    rule = _rule_of(row)
    if rule is None:
        return
    after = CannedReply(text=values["text"], translations=values["translations"])
    if after.names_its_sender:
        problem = f"The triage rule “{rule}” sends this reply, and no person: it can't say {{{{ my_name }}}}."
        raise Invalid(CANT, fields={"text": [problem]})
    if values["owner_id"] is not None:
        problem = f"The triage rule “{rule}” sends this reply, so it can't be only yours."
        raise Invalid(CANT, fields={"scope": [problem], "is_personal": [problem]})


def _revised(actor: Actor, row: CannedReply, **values: Any) -> CannedReply:
    CannedReply.objects.filter(pk=row.pk).update(**values, version=row.version + 1)
    row.refresh_from_db()
    chain.note(actor, "CANNED_REPLY_REVISED", row, scope=row.scope)
    return row


def _unique(actor: Actor, values: dict[str, Any]) -> AbstractContextManager[None]:
    place = {name: values[name] for name in ("shortcut", "owner_id", "team_id")}
    return unique(actor, CannedReply.objects.filter(**place), "This shortcut is already in use.")
