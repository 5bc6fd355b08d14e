"""Try an agent: begin a trial, say something in it, read it, delete it."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Prefetch, Q, QuerySet, Sum

from accounts.permissions import shares
from accounts.services import actor_for_user
from agents.llm import registry
from agents.llm.ports import Line
from agents.llm.routes.availability import asks_network
from agents.llm.routes.models import ModelCall
from agents.models import Agent, AgentVersion
from agents.studio.trials import lease
from agents.studio.trials.answers import Answered, answer, check_can_try
from agents.studio.trials.models import Trial, TrialTurn
from agents.studio.trials.speakers import TRY, caller_as, require_try
from core import retention
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, NotFound, TooMany, WalkerError
from core.ids import uuid7
from core.jobs.queues import enqueue_after_commit
from core.privacy.pii import mask_text
from core.text.clean import clean_text

MISSING: Final = "There is no such trial."
BUSY: Final = "The agent is still answering. Wait for it."
LONGEST: Final = 2000
MOST_TURNS: Final = 30


def start_trial(*, actor: Actor, agent_id: UUID, speaker: str, text: str) -> Trial:
    """Begin a trial of an agent's draft, or of its active version where there is no draft.

    A worker answers. Nothing leaves: changes are only foreseen, nothing is requested or sent. Needs
    `agents.change_agent`, or an agent that is shared to act; raises `NotFound`, `Invalid` with the invalid fields, and
    `Conflict` ("cannot_try", or "no_version" for an agent that has none).
    """
    shares.require(actor, shares.AGENT, TRY)
    said = _checked(text)
    agent = Agent.objects.filter(shares.within(actor, shares.AGENT, TRY), pk=agent_id).first()
    if agent is None:
        raise NotFound("There is no such agent.")
    version = version_to_try(agent)
    check_can_try(version)
    trial = Trial(pk=uuid7(), agent=agent, version=version, person_id=_person_of(actor), speaker=speaker)
    caller_as(speaker, actor=actor, version=version, trial_id=trial.pk)  # refuses now who can't speak
    with transaction.atomic():
        trial.save(force_insert=True)
        _ask(trial, version, 1, said)
        facts = {"speaker": trial.speaker, "version": version.number, "revision": version.revision}
        chain.record(actor, "AGENT_TRIED", "agents.agent", agent.pk, facts=facts)
    return get_trial(viewer=actor, trial_id=trial.pk)


def say(*, actor: Actor, trial_id: UUID, text: str) -> Trial:
    """Say something in a trial, which the same version answers.

    Needs `agents.change_agent` and to have begun the trial; raises `NotFound`, `Invalid`, `TooMany` after 30 turns,
    and `Conflict` ("busy" while another answer of the trial is made, "cannot_try").
    """
    trial = get_trial(viewer=actor, trial_id=trial_id)
    said = _checked(text)
    turns = list(trial.turns.all())
    if len(turns) >= MOST_TURNS:
        raise TooMany("A trial has at most 30 turns. Begin a new one.", code="long_trial")
    check_can_try(trial.version)
    caller_as(trial.speaker, actor=actor, version=trial.version, trial_id=trial.pk)
    if any(turn.is_open for turn in turns):
        raise Conflict(BUSY, code="busy")
    try:
        with transaction.atomic():
            _ask(trial, trial.version, len(turns) + 1, said)
    except IntegrityError:
        raise Conflict(BUSY, code="busy") from None
    return get_trial(viewer=actor, trial_id=trial.pk)


def answer_turn(*, turn_id: UUID) -> None:
    """Make the answer of one turn, with the rights that its person has now; for the worker. Safe to repeat."""
    turn = lease.claim(turn_id)
    if turn is None:
        return
    trial, version = turn.trial, turn.trial.version
    said = [*trial.turns.filter(number__lt=turn.number).order_by("number"), turn]
    lines = [line for each in said for line in (Line("user", each.said), Line("assistant", each.answer))]
    try:
        actor = actor_for_user(trial.person)
        require_try(actor, trial.agent)
        caller = caller_as(trial.speaker, actor=actor, version=version, trial_id=trial.pk)
        answered = answer(
            version,
            caller,
            [line for line in lines if line.text],
            viewer=actor,
            trial_id=trial.pk,
            watch=partial(lease.note_steps, turn),
        )
    except WalkerError as error:  # such as a right that was lost in between
        answered = Answered(error=error.code[:40])
    lease.write(
        turn,
        state=TrialTurn.State.ANSWERED,
        lease_until=None,
        revision=version.revision,
        answer=answered.text,
        stopped=answered.stopped,
        steps=[asdict(step) for step in answered.steps],
        sources=list(answered.sources),
        confidence=answered.confidence,
        brings_person=answered.brings_person,
        error_code=answered.error,
        rounds=answered.rounds,
        milliseconds=answered.milliseconds,
    )


def delete_trial(*, actor: Actor, trial_id: UUID) -> None:
    """Delete a trial with all that was said in it. Needs `agents.change_agent`; raises `NotFound`."""
    trial = get_trial(viewer=actor, trial_id=trial_id)
    with transaction.atomic():
        chain.record(actor, "TRIAL_DELETED", "agents.agent", trial.agent_id)
        trial.delete()


def query_trials(*, viewer: Actor) -> QuerySet[Trial]:
    """Return the viewer's own trials, newest first. Needs `agents.change_agent`."""
    shares.require(viewer, shares.AGENT, TRY)
    tried = shares.within(viewer, shares.AGENT, TRY, place="agent_id")
    rows: QuerySet[Trial] = Trial.objects.filter(tried, person_id=_person_of(viewer))
    return rows.select_related("agent", "version").order_by("-id")


def get_trial(*, viewer: Actor, trial_id: UUID) -> Trial:
    """Return one of the viewer's own trials with its turns. Needs `agents.change_agent`; raises `NotFound`."""
    turns = Prefetch("turns", TrialTurn.objects.order_by("number"))
    return get_or_missing(query_trials(viewer=viewer).prefetch_related(turns).filter(pk=trial_id), MISSING)


def cost_of(trial_ids: Iterable[UUID]) -> list[dict[str, Any]]:
    """Return what the models of trials used: calls by route, with tokens and price. One query."""
    calls = ModelCall.objects.filter(trial_id__in=list(trial_ids)).order_by()
    rows = calls.values("route_name", "model", "currency").annotate(
        input_tokens=Sum("input_tokens"), output_tokens=Sum("output_tokens"), price=Sum("price")
    )
    return [dict(row) for row in rows.order_by("route_name", "model")]


def version_to_try(agent: Agent) -> AgentVersion:
    """Return an agent's draft, or its active version. Raises `Conflict` if it has neither."""
    wanted = Q(is_draft=True) | Q(pk=agent.active_version_id)
    rows = AgentVersion.objects.filter(wanted, agent=agent).select_related("agent")
    found: AgentVersion | None = rows.order_by("-is_draft").first()
    if found is None:
        raise Conflict("This agent has no version to try.", code="no_version")
    return found


def waits_for_network(model: str, flow: str) -> bool:
    """Return True if a version is answered by another system, so that its workers are those that may wait."""
    return bool(flow) or model in registry.networked_models()


def forget_trials(*, now: datetime | None = None) -> int:
    """Delete trials older than `TRIALS_DAYS`; return how many rows. For the sweep."""
    before = (now or clock_now()) - timedelta(days=settings.TRIALS_DAYS)
    return retention.remove(Trial, retention.made_before(before) & Q(created_at__lt=before))


def _ask(trial: Trial, version: AgentVersion, number: int, said: str) -> None:
    """Write down what was said, for a worker; one that may wait if the model is asked over a network."""
    turn = TrialTurn.objects.create(
        trial=trial, number=number, revision=version.revision, said=mask_text(said),
        lease_until=clock_now() + lease.QUEUED_FOR,
    )  # fmt: skip
    if asks_network(version):
        enqueue_after_commit("ask_model_in_trial", turn.pk)
    else:
        enqueue_after_commit("answer_trial", turn.pk)


def _checked(text: str) -> str:
    said = clean_text(text, LONGEST + 1).strip()
    if not said:
        raise Invalid("Write something.", fields={"text": ["This field is required."]})
    if len(said) > LONGEST:
        raise Invalid("This is too long.", fields={"text": [f"Use at most {LONGEST} characters."]})
    return said


def _person_of(actor: Actor) -> UUID:
    if actor.user_id is None:
        raise Invalid("Only a person can try an agent.", code="not_a_person")
    return actor.user_id
