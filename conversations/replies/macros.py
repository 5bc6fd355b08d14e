"""Write macros, and run them: several steps with a conversation, all or none, and a request for what is risky."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts.selectors import list_members
from accounts.versioning import unique
from conversations import texts
from conversations.contacts.selectors.names import names_in_conversation
from conversations.events import stream_events
from conversations.inbox import assignment, snoozes, states, tags
from conversations.inbox.threads import notes
from conversations.inbox.threads.thread import NOTE_LIMIT
from conversations.messages import outbound
from conversations.messages.outbound import Draft, Sender
from conversations.models import Conversation, Macro, Priority, Tag, Team
from conversations.replies import canned_replies, visibility
from conversations.replies.visibility import Sharing
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Invalid, NotFound, WalkerError
from core.models import AuditEntry
from core.reliability import idempotency
from hitl import services as approvals
from hitl.actions import registry
from hitl.actions.base import Origin
from hitl.actions.observe import read_arguments
from hitl.models import Approval

OBJECT: Final = "conversations.macro"
MISSING: Final = "This macro doesn't exist."
CANT: Final = "This macro can't be saved."
KIND: Final = Sharing(Macro, "macros", missing=MISSING, cant=CANT)
RUNS: Final = "macro"
LONGEST_REST: Final = 24 * 366
"""Hours that a macro can snooze a conversation."""
STEPS: Final = {
    "reply": "Reply to the customer",
    "note": "Add a note",
    "tags": "Put tags on and take them off",
    "priority": "Set the priority",
    "team": "Move to a team",
    "assign": "Assign",
    "snooze": "Snooze",
    "close": "Close",
    "request": "Ask for an approval",
}
"""The kinds of steps, in the order in which they are always done."""


@dataclass(frozen=True, slots=True)
class MacroSettings:
    """What a macro does and who may use it: a team, or with `is_personal` its writer; otherwise everybody."""

    name: str
    steps: Mapping[str, Mapping[str, Any]]
    team_id: UUID | None = None
    is_personal: bool = False


@dataclass(frozen=True, slots=True)
class MacroRun:
    """What became of a macro's steps; `approval` is the request it made, and `problem` why it made none."""

    conversation: Conversation
    done: tuple[str, ...]
    approval: Approval | None = None
    problem: WalkerError | None = None


def usable_macros(*, actor: Actor) -> QuerySet[Macro]:
    """Return what somebody may use: those of all, of their teams, and their own.

    Needs `conversations.reply_conversation`. One query.
    """
    return visibility.usable(KIND, actor=actor).order_by("name", "id")


def create_macro(*, actor: Actor, wanted: MacroSettings) -> Macro:
    """Create a macro.

    Needs `conversations.reply_conversation` for oneself, to lead the team for a team's, and `conversations.manage_desk`
    for everybody's. Raises `Refused`, `Invalid` with the fields, and `Conflict` ("exists"). Writes `MACRO_CREATED`.
    """
    values = _checked(actor, wanted)
    with _unique(actor, values):
        row: Macro = Macro.objects.create(**values)
        _record(actor, "MACRO_CREATED", row)
    return row


def revise_macro(*, actor: Actor, macro_id: UUID, wanted: MacroSettings, seen_version: int | None = None) -> Macro:
    """Change a macro.

    Needs what creating it needs, before and after. Raises `Refused`, `NotFound`, `Invalid` with the fields, and
    `Conflict` ("exists", "stale_version"). Writes `MACRO_REVISED`.
    """
    values = _checked(actor, wanted)
    with _unique(actor, values):
        row = visibility.lock_changeable(KIND, actor=actor, row_id=macro_id, seen_version=seen_version)
        Macro.objects.filter(pk=row.pk).update(**values, version=row.version + 1)
        row.refresh_from_db()
        _record(actor, "MACRO_REVISED", row)
    return row


def delete_macro(*, actor: Actor, macro_id: UUID, seen_version: int | None = None) -> None:
    """Delete a macro.

    Needs what creating it needs. Raises `Refused`, `NotFound`, and `Conflict` ("stale_version"). Writes
    `MACRO_DELETED`.
    """
    with transaction.atomic():
        row = visibility.lock_changeable(KIND, actor=actor, row_id=macro_id, seen_version=seen_version)
        _record(actor, "MACRO_DELETED", row)
        row.delete()


def run_macro(
    *,
    actor: Actor,
    conversation_id: UUID,
    macro_id: UUID,
    run_id: UUID | None = None,
    after: int | None = None,
    now: datetime | None = None,
) -> MacroRun:
    """Do all steps of a macro with a conversation, or none of them.

    Its request, if it has one, is made afterwards. Each step needs its own right and writes its own audit entry. With
    the same `run_id` the steps are done and a request is made once. `after` is the newest message that the person had
    seen, as in `reply`. A request is for approval as any other; where it can't be made the steps stay done, and the
    result says why. Call it outside any transaction: a request may ask a system outside. Needs
    `conversations.reply_conversation`. Raises `Refused`, `NotFound`, and what the services of the steps raise, with
    the step's name. Writes `MACRO_RUN`.
    """
    macro = get_or_missing(usable_macros(actor=actor).filter(pk=macro_id), MISSING)
    # A run of another macro under the same id is another run.
    run, moment = uuid5(run_id or uuid4(), str(macro_id)), now or clock_now()
    steps = [(kind, macro.steps[kind]) for kind in STEPS if kind in macro.steps and kind != "request"]
    with transaction.atomic():
        conversation = states.locked(conversation_id, actor=actor)
        is_repeat = run_id is not None and _begin(actor, run, conversation_id)
        team = macro.steps.get("team")
        # All locks before the first step, whose audit entry would come before those of the next.
        assignment.lock_rooms(conversation.team_id, UUID(team["team_id"]) if team else None)
        stream_events.hold_streams(conversation)
        for kind, values in () if is_repeat else steps:
            try:
                _do(kind, actor, conversation_id, values, _Run(run, after, moment))
            except WalkerError as problem:
                problem.detail = f"“{STEPS[kind]}” didn't work, so nothing was done: {problem.detail}"
                raise
        if run_id is not None and not is_repeat:
            idempotency.finish(scope=RUNS, key=str(run), status=200, answer=None)
        if not is_repeat:
            kinds = [kind for kind, _ in steps]
            chain.note(actor, "MACRO_RUN", macro, conversation=str(conversation_id), steps=kinds)
    conversation.refresh_from_db()
    done = tuple(kind for kind, _ in steps)
    if "request" not in macro.steps:
        return MacroRun(conversation, done)
    try:
        return MacroRun(conversation, (*done, "request"), approval=_request(actor, conversation, macro, run))
    except WalkerError as problem:
        return MacroRun(conversation, done, problem=problem)


def _begin(actor: Actor, run: UUID, conversation_id: UUID) -> bool:
    """Return True if the steps of this run were done before; pressed twice, a note is written once.

    The conversation's lock makes the second press wait for the first. What fails rolls this back with it.
    """
    who = idempotency.digest(str(actor.kind), str(actor.id), str(conversation_id))
    return idempotency.begin(scope=RUNS, key=str(run), request_digest=who, about=[conversation_id]) is not None


@dataclass(frozen=True, slots=True)
class _Run:
    """What the steps of one run share."""

    id: UUID
    after: int | None
    moment: datetime


def _do(kind: str, actor: Actor, key: UUID, values: Mapping[str, Any], run: _Run) -> None:
    """Do one step, by the service that a person would use."""
    if kind == "reply":
        outbound.reply(
            actor=actor,
            conversation_id=key,
            draft=Draft(
                text=canned_replies.fill_variables(actor=actor, conversation_id=key, text=values["text"]),
                client_id=uuid5(run.id, "reply"),
                after=run.after,
                sender=Sender(type="person"),
            ),
        )
    elif kind == "note":
        notes.add_note(actor=actor, conversation_id=key, text=values["text"])
    elif kind == "tags":
        add, remove = ([UUID(one) for one in values[name]] for name in ("add", "remove"))
        tags.change_tags(actor=actor, conversation_id=key, add=add, remove=remove)
    elif kind == "priority":
        snoozes.set_priority(actor=actor, conversation_id=key, priority=values["priority"])
    elif kind == "team":
        assignment.move_to_team(actor=actor, conversation_id=key, team_id=UUID(values["team_id"]))
    elif kind == "assign":
        taker = values["user_id"] or actor.require_person("Only a person can take a conversation.")
        states.assign(actor=actor, conversation_id=key, user_id=UUID(str(taker)))
    elif kind == "snooze":
        snoozes.snooze(actor=actor, conversation_id=key, until=run.moment + timedelta(hours=values["hours"]))
    else:
        states.close(actor=actor, conversation_id=key, resolved=values["resolved"])


def _request(actor: Actor, conversation: Conversation, macro: Macro, run: UUID) -> Approval:
    wanted = macro.steps["request"]
    # Who wrote it can't approve it: what they wrote is asked for in the name of the person who runs it.
    written = AuditEntry.objects.filter(object_type=OBJECT, object_id=macro.pk, actor_user_id__isnull=False)
    writers = written.filter(action__in=("MACRO_CREATED", "MACRO_REVISED")).values_list("actor_user_id", flat=True)
    origin = Origin(
        channel="console",
        conversation_id=conversation.pk,
        notes=f"Made by the macro “{macro.name}”.",
        also_excluded=tuple(sorted(set(writers))),
        address=actor.address,
        people=names_in_conversation(conversation.pk),
    )
    return approvals.propose(
        actor=actor, kind=wanted["kind"], params=wanted["params"], origin=origin, dedupe_key=f"macro:{run}"
    )


def _checked(actor: Actor, wanted: MacroSettings) -> dict[str, Any]:
    """Return the columns of what somebody wants to save. Raises `Refused` and `Invalid`."""
    visibility.require_change(KIND, actor=actor, team_id=wanted.team_id, is_personal=wanted.is_personal)
    wrong: dict[str, list[str]] = {}
    name = " ".join(texts.clean(wanted.name).split())
    if not name or len(name) > 60:
        wrong["name"] = ["Enter a name of at most 60 characters."]
    if unknown := sorted(set(wanted.steps) - set(STEPS)):
        wrong["steps"] = [f"“{unknown[0][:40]}” isn't a step."]
    steps: dict[str, dict[str, Any]] = {}
    for kind in STEPS:
        if kind not in wanted.steps:
            continue
        try:
            steps[kind] = _CHECKS[kind](wanted.steps[kind])
        except _Wrong as problem:
            wrong[kind] = [str(problem)]
        except (KeyError, TypeError, ValueError):
            wrong[kind] = ["This step's values aren't complete."]
    if "snooze" in steps and "close" in steps:
        wrong["snooze"] = ["A conversation can't be snoozed and closed."]
    if not steps and not wrong:
        wrong["steps"] = ["Choose at least one step."]
    if wrong:
        raise Invalid(CANT, fields=wrong)
    owner = actor.user_id if wanted.is_personal else None
    return {"name": name, "steps": steps, "team_id": wanted.team_id, "owner_id": owner}


class _Wrong(Exception):
    """A step's value can't be saved."""


def _text(values: Mapping[str, Any], limit: int) -> dict[str, Any]:
    text = texts.clean(str(values["text"])).strip()
    if not text or len(text) > limit:
        raise _Wrong(f"Enter a text of at most {limit:,} characters.")
    return {"text": text}


def _check_reply(values: Mapping[str, Any]) -> dict[str, Any]:
    found = _text(values, settings.TEXT_LIMIT)
    if problem := canned_replies.unknown_variable(found["text"]):
        raise _Wrong(problem)
    return found


def _check_tags(values: Mapping[str, Any]) -> dict[str, Any]:
    add, remove = ([str(UUID(str(one))) for one in values.get(name, ())] for name in ("add", "remove"))
    if (not add and not remove) or set(add) & set(remove):
        raise _Wrong("Choose tags to put on or to take off, not the same for both.")
    if Tag.objects.filter(pk__in=[*add, *remove]).count() != len({*add, *remove}):
        raise _Wrong("Choose tags of the list.")
    return {"add": add, "remove": remove}


def _check_priority(values: Mapping[str, Any]) -> dict[str, Any]:
    if values["priority"] not in Priority.values:
        raise _Wrong("Choose a priority.")
    return {"priority": int(values["priority"])}


def _check_team(values: Mapping[str, Any]) -> dict[str, Any]:
    team_id = UUID(str(values["team_id"]))
    if not Team.objects.filter(pk=team_id).exists():
        raise _Wrong("Choose a team.")
    return {"team_id": str(team_id)}


def _check_assign(values: Mapping[str, Any]) -> dict[str, Any]:
    chosen = values["user_id"]
    if chosen is None:
        return {"user_id": None}
    if UUID(str(chosen)) not in {member.user_id for member in list_members(permission=assignment.REPLY)}:
        raise _Wrong("Choose someone whose role allows replying.")
    return {"user_id": str(chosen)}


def _check_snooze(values: Mapping[str, Any]) -> dict[str, Any]:
    hours = values["hours"]
    if not isinstance(hours, int) or isinstance(hours, bool) or not 1 <= hours <= LONGEST_REST:
        raise _Wrong(f"Enter 1 to {LONGEST_REST:,} hours.")
    return {"hours": hours}


def _check_close(values: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(values["resolved"], bool):
        raise _Wrong("Say whether it was resolved.")
    return {"resolved": values["resolved"]}


def _check_request(values: Mapping[str, Any]) -> dict[str, Any]:
    params = values["params"]
    if not isinstance(params, dict):
        raise _Wrong("The values of a request are an object.")
    try:
        kind = registry.get(str(values["kind"]))
        read = read_arguments(kind, params)
    except NotFound:
        raise _Wrong("There is no such kind of action.") from None
    except Invalid as problem:
        fields = problem.facts.get("fields") or {}
        said = "; ".join(f"{name}: {' '.join(words)}" for name, words in fields.items())
        raise _Wrong(said or problem.detail) from None
    return {"kind": str(values["kind"]), "params": read}


_CHECKS: Final[dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "reply": _check_reply,
    "note": lambda values: _text(values, NOTE_LIMIT),
    "tags": _check_tags,
    "priority": _check_priority,
    "team": _check_team,
    "assign": _check_assign,
    "snooze": _check_snooze,
    "close": _check_close,
    "request": _check_request,
}


def _unique(actor: Actor, values: dict[str, Any]) -> AbstractContextManager[None]:
    place = {name: values[name] for name in ("name", "owner_id", "team_id")}
    return unique(actor, Macro.objects.filter(**place), "A macro with this name already exists.")


def _record(actor: Actor, action: str, row: Macro) -> None:
    chain.note(actor, action, row, scope=row.scope, steps=sorted(row.steps))
