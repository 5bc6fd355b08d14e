"""Requests, contacts and agents that are shared: list, page and API, and what acting on each means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from accounts.members.shares import SHAREABLES, Grantee, share, sweep_shares
from accounts.models import Share, User
from agents.models import Agent
from agents.studio.trials.admin import trial_url
from agents.studio.trials.models import Trial
from agents.studio.trials.speakers import require_try
from agents.studio.trials.turns import query_trials, version_to_try
from channels_app.sockets.console_topics import parse_topic, require_topic
from channels_app.sockets.shared_events import Ask, read_batch
from conversations.contacts.known_people import revise_contact
from conversations.models import Contact
from core.clock import now
from core.errors import NotFound, Refused, WalkerError
from core.tenancy.scope import tenant_scope
from hitl.approvals.decide.notes import add_note
from hitl.models import Approval
from hitl.services import decide
from tests.security.conftest import token_of
from tests.security.shares.given import REASON, actor, expire, give, person_with
from tests.security.shares.test_conversations import browser
from tests.security.town import Town
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PLACES = {
    "conversation": ("conversations.conversation", "admin:inbox", "admin:conversations_conversation_change",
                     "/api/v1/conversations/"),
    "approval": ("hitl.approval", "admin:hitl_approval_changelist", "admin:hitl_approval_change", "/api/v1/approvals/"),
    "contact": ("conversations.contact", "admin:conversations_contact_changelist",
                "admin:conversations_contact_change", "/api/v1/contacts/"),
    "agent": ("agents.agent", "admin:agents_agent_changelist", "admin:agents_agent_change", "/api/v1/agents/"),
}  # fmt: skip
KINDS = pytest.mark.parametrize("kind", PLACES)


def object_of(town: Town, kind: str) -> UUID:
    return town.ids[PLACES[kind][0]]


def statuses(user: User, kind: str, object_id: UUID) -> tuple[list[int], list[str]]:
    """Return the statuses of list, page, API's list and API's object, and the ids in the API's list."""
    _, rows, page, api = PLACES[kind]
    client = browser(user)
    answers = [client.get(reverse(rows)), client.get(reverse(page, args=[object_id]), follow=True)]
    listed = client.get(api)
    answers += [listed, client.get(f"{api}{object_id}/")]
    return [one.status_code for one in answers], [row["id"] for row in listed.json().get("results", ())]


def act(world: World, user: User, kind: str, object_id: UUID) -> str:
    """Do what acting on an object means; return the code with which it is refused, "" if it is done."""
    with tenant_scope(world.acme.pk):
        here = actor(world, user)
        try:
            if kind == "approval":
                add_note(actor=here, approval_id=object_id, text="Fine by me")
            elif kind == "contact":
                revise_contact(actor=here, contact_id=object_id, language="de")
            elif kind == "agent":
                require_try(here, Agent.objects.get(pk=object_id))
                query_trials(viewer=here)
        except WalkerError as problem:
            return problem.code
    return ""


@KINDS
def test_object_is_seen_and_acted_on_as_far_as_it_is_shared(town: Town, kind: str) -> None:
    world, object_id = town.world, object_of(town, kind)
    user = person_with(world, "Guest")
    assert statuses(user, kind, object_id) == ([403] * 4, [])
    see = give(world, kind, object_id, user)
    assert statuses(user, kind, object_id) == ([200] * 4, [str(object_id)])
    assert kind == "conversation" or act(world, user, kind, object_id)
    mine = browser(user).get("/api/v1/shares/mine/").json()["results"]
    assert [(row["kind"], row["object_id"], row["level"], row["reason"]) for row in mine] == [
        (kind, str(object_id), "see", REASON)
    ]
    page = browser(user).get(reverse("admin:accounts_share_changelist")).text
    assert SHAREABLES.get(kind).page(object_id) in page
    assert browser(user).get(reverse("admin:accounts_share_change", args=[see.pk])).status_code == 302
    with tenant_scope(world.acme.pk):
        expire(see)
    assert statuses(user, kind, object_id) == ([403] * 4, [])
    give(world, kind, object_id, user, "act", ends_at=now() + timedelta(hours=1))
    assert statuses(user, kind, object_id)[0] == [200] * 4
    assert act(world, user, kind, object_id) == ""
    with tenant_scope(world.acme.pk):
        expire(Share.objects.get(user=user))
    assert kind == "conversation" or act(world, user, kind, object_id)
    sweep_shares()
    with tenant_scope(world.acme.pk):
        assert not Share.objects.filter(user=user).exists()
    # In another organisation the same ids are of nothing.
    there = {"kind": kind, "object_id": object_id, "level": "see", "reason": REASON}
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        share(actor=world.outsider(), grantee=Grantee(role="viewer"), **there)


def test_share_makes_nobody_an_approver(town: Town) -> None:
    world, object_id = town.world, object_of(town, "approval")
    user = person_with(world, "Guest")
    give(world, "approval", object_id, user, "act")
    with tenant_scope(world.acme.pk):
        approval = Approval.objects.get(pk=object_id)
        with pytest.raises(WalkerError):
            decide(actor=actor(world, user), approval_id=object_id, verdict="approve", digest=approval.digest)
        approval.refresh_from_db()
        assert approval.decided_by is None
    client = browser(user)
    answer: Any = client.post(
        f"/api/v1/approvals/{object_id}/approve/", {"digest": approval.digest}, content_type="application/json"
    )
    assert answer.status_code == 403


def test_page_shares_and_ends(town: Town, visitor: Any) -> None:
    world, object_id = town.world, object_of(town, "contact")
    user = person_with(world, "Guest")
    client: Client = visitor("owner")
    url = reverse("admin:conversations_contact_share", args=[object_id])
    assert f"user:{user.pk}" in client.get(url).text
    form = {"grantee": f"user:{user.pk}", "level": "see", "reason": REASON, "csrfmiddlewaretoken": token_of(client)}
    assert client.post(url, {**form, "reason": ""}).status_code == 400
    assert client.post(url, form).status_code == 302
    with tenant_scope(world.acme.pk):
        row = Share.objects.get(user=user)
    end = reverse("admin:conversations_contact_end_share", args=[object_id])
    assert str(row.pk) in client.get(end).text
    assert client.post(end, {"share": row.pk, "csrfmiddlewaretoken": token_of(client)}).status_code == 302
    with tenant_scope(world.acme.pk):
        assert not Share.objects.filter(user=user).exists()


@pytest.mark.parametrize("kind", ["conversation", "approval"])
def test_open_socket_hears_nothing_after_the_share_has_ended(town: Town, kind: str) -> None:
    world, object_id = town.world, object_of(town, kind)
    user = person_with(world, "Guest")
    topic = parse_topic(f"{kind}:{object_id}")

    def hears() -> bool:
        ask = Ask(user.pk, f"{'conversations' if kind == 'conversation' else 'hitl'}.view_{kind}",
                  topic.name, 0, topic.name, None)  # type: ignore[arg-type]  # fmt: skip
        with tenant_scope(world.acme.pk):
            try:
                read_batch([ask]).answer(ask)
                require_topic(user.pk, topic)
            except (Refused, NotFound):
                return False
        return True

    assert not hears()
    row = give(world, kind, object_id, user)
    assert hears()
    with tenant_scope(world.acme.pk):
        expire(row)
    assert not hears()


def test_erased_contact_takes_its_shares_along(town: Town) -> None:
    world, object_id = town.world, object_of(town, "contact")
    user = person_with(world, "Guest")
    give(world, "contact", object_id, user)
    with tenant_scope(world.acme.pk):
        Contact.objects.filter(pk=object_id).update(erased_at=now())
    assert browser(user).get("/api/v1/shares/mine/").json()["results"] == []
    sweep_shares()
    with tenant_scope(world.acme.pk):
        assert not Share.objects.filter(user=user).exists()


def test_who_an_agent_is_shared_with_is_offered_nothing_that_is_refused(town: Town) -> None:
    world, object_id = town.world, object_of(town, "agent")
    user = person_with(world, "Guest")
    give(world, "agent", object_id, user, "act")
    with tenant_scope(world.acme.pk):
        agent = Agent.objects.get(pk=object_id)
        trial = Trial.objects.create(agent=agent, version=version_to_try(agent), person=user, speaker="stranger")
    page = browser(user).get(trial_url(object_id, trial.pk))
    assert page.status_code == 200
    assert "Speaks as" in page.text
    assert reverse("admin:agents_trial_delete", args=[trial.pk]) not in page.text
