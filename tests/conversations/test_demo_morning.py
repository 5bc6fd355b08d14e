"""The demo's morning."""

import pytest

from agents.models import OpenQuestion
from conversations.models import (
    WAITS_FOR_PERSON,
    CannedReply,
    ChannelAccount,
    Contact,
    Conversation,
    Message,
    SuggestedReply,
    Tag,
    Team,
)
from core.clock import now
from core.models import Consent, Outbox, ReplyWindow
from core.tenancy.scope import tenant_scope
from demo.cast import ORGANISATIONS
from demo.library import ensure_library
from demo.people import ensure_people, ensure_tenant
from demo.pictures import GALLERY, TALKS
from demo.setting import widget_key
from demo.talks.by_phone import ANSWERED, ASKED, WAITS, ensure_phone_talks
from demo.talks.morning import CARE, MORNING, NAMES, TAGS, ensure_morning
from demo.talks.open_work import REPLIES, ensure_open_work

pytestmark = pytest.mark.slow


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
        assert sorted(person.display_name for person in Contact.objects.all()) == sorted(NAMES.values())
        ensure_library()
        for _ in range(2):
            ensure_open_work()
        assert list(OpenQuestion.objects.order_by("-asked").values_list("asked", flat=True)) == [3, 2, 1]
        assert SuggestedReply.objects.count() == len(REPLIES)
        assert talks.filter(WAITS_FOR_PERSON).count() == 3
        assert talks.filter(state="person", assigned_to__isnull=False, snoozed_until=None).count() == 4
        assert talks.filter(snoozed_until__isnull=False).count() == 1
        assert talks.filter(state="person", next_due_at__lt=now()).count() >= 1, "the urgent one is late"
        assert talks.filter(state="closed").count() == 4
        assert not Outbox.objects.filter(done_at=None).exists(), "no worker answers what is past"


@pytest.mark.django_db
def test_two_write_by_whatsapp_and_one_of_them_is_not_reached() -> None:
    acme = ORGANISATIONS[0]
    with tenant_scope(ensure_tenant(acme)):
        people = ensure_people(acme)
        ChannelAccount.objects.create(kind="webchat", name="Chat", public_key=widget_key(acme, "visitor"))
        ensure_morning(acme, people)
        ensure_phone_talks(acme, people)
        assert Message.objects.filter(channel_account__kind="whatsapp").count() == 0, "there is no sandbox phone"
        line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")
        for _ in range(2):
            ensure_phone_talks(acme, people)
        said = Message.objects.filter(channel_account=line).order_by("created_at")
        assert [(one.body, one.status) for one in said] == [
            (ASKED, "received"), (ANSWERED, "failed"), (WAITS, "received")
        ]  # fmt: skip
        assert ReplyWindow.objects.count() == 2
        assert Consent.objects.get().state == Consent.State.GIVEN
        assert not Outbox.objects.filter(done_at=None).exists(), "no worker answers what is past"
        shown = [page.row for page in GALLERY if page.row and page.path == TALKS]
        assert len(shown) == 2
        assert all(any(words in each.body for each in said) for words in shown)
