"""A conversation that is shared: in the list, its page, the API, search and counts, for all kinds of roles."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.members.shares import Grantee, end_share, share, sweep_shares
from accounts.models import Membership, Notice, Share, User
from accounts.permissions.roles import permissions_of
from accounts.permissions.shares import seen_by_people
from accounts.services import remove_member
from channels_app.sockets.console_topics import writer
from conversations.inbox.custom_values import set_conversation_fields
from conversations.inbox.selectors import counts, lists
from conversations.inbox.teams.seen import seen_conversations
from conversations.inbox.threads.notes import add_note
from conversations.messages.outbound import Draft, Sender, reply
from conversations.models import ContactTag, Conversation, CustomField, Team, TeamMember
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused, WalkerError
from core.models import AuditEntry
from core.tenancy.scope import platform_scope, tenant_scope
from tests.conversations.conftest import make_shop
from tests.security.shares.given import LEAST, REASON, actor, expire, give, limit, person_with
from tests.world import World, prove

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
KIND = "conversation"
WORD = "Okapi"


@pytest.fixture
def talk(world: World) -> Conversation:
    """A conversation of a team that a person answers, beside another one; it says Okapi."""
    with tenant_scope(world.acme.pk):
        shop = make_shop(world)
        team = Team.objects.create(name="Night team")
        shop.call("Something else")
        found = shop.conversation(text=f"{WORD} please")
        rows = Conversation.objects.all()
        rows.update(team=team, state="person", assigned_to=world.people["admin"])
        found.refresh_from_db()
        return found


def browser(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return prove(client)


def seen(world: World, user: User, talk: Conversation) -> set[str]:
    """Return where somebody finds the conversation, after nothing but it was found anywhere."""
    client, found, here = browser(user), set(), actor(world, user)
    page = client.get(f"/admin/conversations/conversation/{talk.pk}/")
    assert page.status_code in (200, 403, 404)
    found |= {"page"} if page.status_code == 200 and WORD in page.text else set()
    inbox = client.get("/admin/inbox/?view=all")
    assert "Something else" not in inbox.text
    found |= {"inbox"} if inbox.status_code == 200 and WORD in inbox.text else set()
    one = client.get(f"/api/v1/conversations/{talk.pk}/")
    found |= {"one"} if one.status_code == 200 else set()
    rows = client.get("/api/v1/conversations/")
    names = [row["id"] for row in rows.json().get("results", ())]
    assert set(names) <= {str(talk.pk)}
    found |= {"list"} if names else set()
    said = client.get(f"/api/v1/conversations/{talk.pk}/messages/")
    found |= {"messages"} if WORD in said.text else set()
    with tenant_scope(world.acme.pk):
        try:
            hits = lists.list_conversations(viewer=here, filters=lists.ConversationFilters(q=WORD)).rows
            found |= {"search"} if hits else set()
            found |= {"count"} if counts.count_unread(viewer=here, rows=[talk]) else set()
        except Refused:
            pass
        if here.may("conversations.view_conversation"):
            assert set(seen_conversations(here)) <= {talk}
    return found


EVERYWHERE = {"page", "inbox", "one", "list", "messages", "search", "count"}
SUPPORT = permissions_of("support")


def able(world: World, user: User, talk: Conversation) -> tuple[str, str]:
    """Return the codes with which a reply and a note are refused, "" where they are stored."""
    codes = []
    with tenant_scope(world.acme.pk):
        for do in (
            lambda who: reply(
                actor=who, conversation_id=talk.pk, draft=Draft(text="Hello", sender=Sender(type="person"))
            ),
            lambda who: add_note(actor=who, conversation_id=talk.pk, text="Seen"),
        ):
            try:
                do(actor(world, user))
                codes.append("")
            except WalkerError as problem:
                codes.append(problem.code)
    return codes[0], codes[1]


@pytest.mark.parametrize("who", ["nothing", "teams", "assigned"])
def test_shared_conversation_is_seen_and_answered_as_far_as_it_is_shared(
    world: World, talk: Conversation, who: str
) -> None:
    sees = {} if who == "nothing" else {"sees": who}
    permissions = LEAST if who == "nothing" else SUPPORT - {"analytics.view_team_figures"}
    user = person_with(world, f"Role {who}", permissions, **sees)
    assert seen(world, user, talk) == set()
    assert all(able(world, user, talk))

    row = give(world, KIND, talk.pk, user)
    assert seen(world, user, talk) == EVERYWHERE
    assert all(able(world, user, talk))
    with tenant_scope(world.acme.pk):
        assert Notice.objects.filter(person=user, kind="accounts.shares").count() == 1
        end_share(actor=world.actor("owner"), share_id=row.pk)
    assert seen(world, user, talk) == set()

    row = give(world, KIND, talk.pk, user, "act")
    assert seen(world, user, talk) == EVERYWHERE
    assert able(world, user, talk) == ("", "")
    with tenant_scope(world.acme.pk):
        # A reply takes nothing over, and acting is no more than replying and writing notes.
        talk.refresh_from_db()
        assert talk.assigned_to == world.people["admin"]
        expire(row)
    assert seen(world, user, talk) == set()
    assert all(able(world, user, talk))
    sweep_shares()
    with platform_scope():
        assert not Share.objects.exists()


def test_team_and_role_have_what_is_shared_with_them_while_people_are_in_it(world: World, talk: Conversation) -> None:
    user = person_with(world, "Night lead")
    with tenant_scope(world.acme.pk):
        team = Team.objects.create(name="Day team")
        seat = TeamMember.objects.create(team=team, user=user)
        role = Membership.objects.get(user=user).role
    give(world, KIND, talk.pk, user, grantee=Grantee(team_id=team.pk))
    assert seen(world, user, talk) == EVERYWHERE
    with tenant_scope(world.acme.pk):
        seat.delete()
    assert seen(world, user, talk) == set()
    give(world, KIND, talk.pk, user, grantee=Grantee(role=role))
    assert seen(world, user, talk) == EVERYWHERE
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=user).update(role="viewer")
        limit(user)
    assert seen(world, user, talk) == set()


def test_share_that_came_with_the_end_of_its_team_is_swept(world: World, talk: Conversation) -> None:
    user = world.people["viewer"]
    with tenant_scope(world.acme.pk):
        gone, stays = (Team.objects.create(name=name) for name in ("Day team", "Late team"))
    give(world, KIND, talk.pk, user, grantee=Grantee(team_id=gone.pk))
    kept = give(world, KIND, talk.pk, user, grantee=Grantee(team_id=stays.pk))
    with tenant_scope(world.acme.pk):
        # Read as there by who shares, and deleted by a colleague before the share was stored.
        Team.objects.filter(pk=gone.pk).delete()
    sweep_shares()
    with tenant_scope(world.acme.pk):
        assert Share.objects.get().pk == kept.pk


def test_share_is_of_its_organisation_and_ends_with_the_membership(world: World, talk: Conversation) -> None:
    user = person_with(world, "Night lead")
    give(world, KIND, talk.pk, user, "act")
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=user)
        remove_member(actor=world.actor("owner"), membership_id=membership.pk)
        assert not Share.objects.exists()
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        share(
            actor=world.outsider(), kind=KIND, object_id=talk.pk, level="see", reason=REASON,
            grantee=Grantee(user_id=world.outsiders["viewer"].pk),
        )  # fmt: skip


def test_nobody_shares_what_they_lack_or_only_have_by_a_share(world: World, talk: Conversation) -> None:
    mine = {"accounts.share_objects", "conversations.view_conversation", *LEAST}
    user = person_with(world, "Watcher", frozenset(mine), sees="teams")
    with tenant_scope(world.acme.pk):
        other = world.people["support"]

        def attempt(level: str = "see") -> None:
            share(
                actor=actor(world, user), kind=KIND, object_id=talk.pk, level=level, reason=REASON,
                grantee=Grantee(user_id=other.pk),
            )  # fmt: skip

        with pytest.raises(NotFound):
            attempt()
        give(world, KIND, talk.pk, user, "act")
        with pytest.raises(Refused) as caught:
            attempt()
        assert caught.value.code == "shared_only"
        TeamMember.objects.create(team=talk.team, user=user)
        attempt()
        with pytest.raises(Refused) as caught:
            attempt("act")
        assert caught.value.code == "level_above_yours"
        assert AuditEntry.objects.filter(action="OBJECT_SHARED").count() == 2
        with pytest.raises(Refused):
            share(
                actor=world.actor("support"), kind=KIND, object_id=talk.pk, level="see", reason=REASON,
                grantee=Grantee(role="viewer"),
            )  # fmt: skip


def test_nobody_keeps_by_their_own_share_what_their_role_showed(world: World, talk: Conversation) -> None:
    mine = {"accounts.share_objects", "conversations.view_conversation", *LEAST}
    user = person_with(world, "Watcher", frozenset(mine), sees="teams")
    with tenant_scope(world.acme.pk):
        seat = TeamMember.objects.create(team=talk.team, user=user)
        day = Team.objects.create(name="Day team")
        colleague, _ = world.another("viewer")
        for person in (user, colleague):
            TeamMember.objects.create(team=day, user=person)
        here = actor(world, user)
        for grantee in (Grantee(team_id=day.pk), Grantee(role=here.role)):
            share(actor=here, kind=KIND, object_id=talk.pk, level="see", reason=REASON, grantee=grantee)
        seat.delete()
        assert set(seen_conversations(actor(world, user))) == set()
        people = {user.pk: here.role, colleague.pk: "viewer"}
        assert seen_by_people(people, [talk.pk]) == {(colleague.pk, talk.pk)}


def test_who_only_sees_it_neither_tags_its_contact_nor_types(world: World, talk: Conversation) -> None:
    user = person_with(world, "Night desk", SUPPORT - {"analytics.view_team_figures"}, sees="teams")
    row, client = give(world, KIND, talk.pk, user), browser(user)
    tag = {"name": "VIP", "present": True}
    answer = client.post(f"/api/v1/conversations/{talk.pk}/tags/", tag, content_type="application/json")
    assert answer.status_code == 404
    with tenant_scope(world.acme.pk):
        assert not ContactTag.objects.exists()
        with pytest.raises(Refused):
            writer(user.pk, talk.pk)
        end_share(actor=world.actor("owner"), share_id=row.pk)
    give(world, KIND, talk.pk, user, "act")
    with tenant_scope(world.acme.pk):
        assert writer(user.pk, talk.pk) == user.first_name


def test_page_of_a_shared_conversation_offers_no_fields_that_only_its_team_sets(
    world: World, talk: Conversation
) -> None:
    user = person_with(world, "Night desk", SUPPORT - {"analytics.view_team_figures"}, sees="teams")
    give(world, KIND, talk.pk, user, "act")
    with tenant_scope(world.acme.pk):
        subject, kind = CustomField.Subject.CONVERSATION, CustomField.Kind.TEXT
        CustomField.objects.create(subject=subject, kind=kind, key="order", name="Order")
        with pytest.raises(NotFound):
            set_conversation_fields(actor=actor(world, user), conversation_id=talk.pk, values={"order": "7"})
    page = reverse("admin:conversations_conversation_change", args=[talk.pk])
    form = reverse("admin:conversations_conversation_fields", args=[talk.pk])
    assert form not in browser(user).get(page).text
    assert form in browser(world.people["owner"]).get(page).text


def test_bad_shares_are_refused_and_the_same_again_changes_nothing(world: World, talk: Conversation) -> None:
    user, owner = world.people["viewer"], world.people["owner"]
    gone, _ = world.another("viewer")
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=gone).update(is_active=False)
    for fields in (
        {"ends_at": now() - timedelta(minutes=1)},
        {"grantee": Grantee(user_id=owner.pk)},
        {"grantee": Grantee(user_id=gone.pk)},
        {"grantee": Grantee(user_id=world.outsiders["viewer"].pk)},
        {"grantee": Grantee(role="own-nothing")},
        {"grantee": Grantee(team_id=talk.pk)},
        {"grantee": Grantee()},
        {"level": "own"},
    ):
        with pytest.raises(Invalid):
            give(world, KIND, talk.pk, user, **fields)
    with tenant_scope(world.acme.pk), pytest.raises(Invalid):
        share(
            actor=world.actor("owner"), kind=KIND, object_id=talk.pk, level="see", reason=" ",
            grantee=Grantee(user_id=user.pk),
        )  # fmt: skip
    first = give(world, KIND, talk.pk, user)
    assert give(world, KIND, talk.pk, user).pk == first.pk
    with pytest.raises(Conflict) as caught:
        give(world, KIND, talk.pk, user, "act")
    assert caught.value.code == "already_shared"
    with tenant_scope(world.acme.pk):
        assert Share.objects.count() == AuditEntry.objects.filter(action="OBJECT_SHARED").count() == 1
        Conversation.objects.get(pk=talk.pk).contact.__class__.objects.update(erased_at=now())
    with pytest.raises(NotFound):
        give(world, KIND, talk.pk, world.people["approver"])


def test_shares_cost_lists_no_statement(world: World, talk: Conversation) -> None:
    user = person_with(world, "Night lead", SUPPORT - {"analytics.view_team_figures"}, sees="teams")

    def statements() -> int:
        here = actor(world, user)
        with tenant_scope(world.acme.pk), CaptureQueriesContext(connection) as caught:
            lists.list_conversations(viewer=here)
        return len(caught)

    before = statements()
    give(world, KIND, talk.pk, user)
    assert statements() == before == 1
    with tenant_scope(world.acme.pk):
        # An index finds those of the teams and the shared ones: without the array all of the tenant are read.
        assert '"id" = ANY(ARRAY(SELECT' in str(seen_conversations(actor(world, user)).query)
