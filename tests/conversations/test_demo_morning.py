"""The demo's morning."""

import pytest

from config.demo.cast import ORGANISATIONS
from config.demo.morning import CARE, MORNING, TAGS, ensure_morning
from config.demo.people import ensure_people, ensure_tenant
from config.demo.setting import widget_key
from conversations.models import WAITS_FOR_PERSON, CannedReply, ChannelAccount, Conversation, Tag, Team
from core.clock import now
from core.models import Outbox
from core.tenancy.scope import tenant_scope


@pytest.mark.django_db
def test_morning_is_played_once_and_leaves_something_in_each_state() -> None:
    acme = ORGANISATIONS[0]
    with tenant_scope(ensure_tenant(acme)):
        people = ensure_people(acme)
        ChannelAccount.objects.create(kind="webchat", name="Chat", public_key=widget_key(acme, "visitor"))
        for _ in range(2):
            ensure_morning(acme, people)
        talks = Conversation.objects.all()
        assert talks.count() == len(MORNING)
        assert {talk.fate for talk in MORNING} == {"agent", "waiting", "person", "snoozed", "resolved", "unresolved"}
        assert Team.objects.get(is_default=True).name == CARE
        assert {tag.name: tag.taggings.count() for tag in Tag.objects.all()} == {
            name: len(visitors) for name, (_, visitors) in TAGS.items()
        }
        assert CannedReply.objects.filter(translations__has_key="de").count() == 2
        assert talks.filter(WAITS_FOR_PERSON).count() == 3
        assert talks.filter(state="person", assigned_to__isnull=False, snoozed_until=None).count() == 4
        assert talks.filter(snoozed_until__isnull=False).count() == 1
        assert talks.filter(state="person", next_due_at__lt=now()).count() >= 1, "the urgent one is late"
        assert talks.filter(state="closed").count() == 4
        assert not Outbox.objects.filter(done_at=None).exists(), "no worker answers what is past"
