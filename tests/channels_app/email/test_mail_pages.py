"""The console's pages of mail: what to paste where, the list, the person's own choice."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from channels_app.email.connect import MailConnect, connect_mail
from conversations.channel_accounts import accounts
from conversations.models import ChannelAccount
from core.errors import Invalid, Refused
from core.tenancy.scope import tenant_scope
from integrations.models import MailCount, MailDelivery, ProviderAccount
from tests.channels_app.email.conftest import PUBLIC, Door
from tests.channels_app.twilio.test_channel_page import console
from tests.world import World

LIST = "/admin/conversations/channelaccount/"
MAILS = "/admin/integrations/maildelivery/"
FORM = {"name": "Desk", "from_address": "desk@acme.example", "from_name": "Désk", "api_key": "SG.very-secret"}


def _page(door: Door) -> str:
    return console(door.world).get(f"{LIST}{door.account.pk}/").content.decode()


def test_account_is_connected_by_the_form(world: World) -> None:
    assert console(world).post(f"{LIST}connect-mail/", FORM).status_code == 302
    with tenant_scope(world.acme.pk):
        assert ChannelAccount.objects.get(kind="email").address == "desk@acme.example"
        assert ProviderAccount.objects.get(provider="sendgrid").credentials["from_name"] == "Désk"


@pytest.mark.parametrize(
    ("field", "wrong"), [("from_address", "desk"), ("api_key", ""), ("event_public_key", "SG.key")]
)
def test_wrong_entry_is_named_at_its_field(world: World, field: str, wrong: str) -> None:
    answer = console(world).post(f"{LIST}connect-mail/", {**FORM, field: wrong})
    assert answer.status_code == 400
    assert f'id="id_connect-mail_{field}_error"' in answer.content.decode()


def test_page_says_what_to_paste_and_shows_no_secret(door: Door) -> None:
    text = _page(door)
    assert door.path in text
    assert "SG.secret" not in text
    assert PUBLIC not in text


def test_empty_secrets_are_kept(door: Door) -> None:
    form = {**FORM, "api_key": "", "event_public_key": ""}
    assert console(door.world).post(f"{LIST}{door.account.pk}/edit-mail/", form).status_code == 302
    with tenant_scope(door.world.acme.pk):
        assert ProviderAccount.objects.get(provider="sendgrid").credentials["api_key"] == "SG.secret"
        assert ChannelAccount.objects.get(kind="email").credentials["event_public_key"] == PUBLIC


@pytest.mark.slow
def test_trouble_is_told_in_words(door: Door) -> None:
    with tenant_scope(door.world.acme.pk):
        accounts.note_trouble(account_id=door.account.pk, code="401")
    assert "rejected the API key" in _page(door)
    door.post([], signature="bm8=")
    assert "wrong signature" in _page(door)


def test_person_without_the_right_connects_and_tests_nothing(door: Door) -> None:
    with tenant_scope(door.world.acme.pk):
        viewer = door.world.actor("viewer")
        with pytest.raises(Refused):
            connect_mail(actor=viewer, name="x", from_address="a@b.example")
        with pytest.raises(Refused):
            MailConnect.send_test(actor=viewer, account_id=door.account.pk, to="a@b.example")


def test_test_that_fails_says_why(door: Door, settings: object) -> None:
    settings.SENDGRID_API_BASE = "http://127.0.0.1:1"  # type: ignore[attr-defined]
    with tenant_scope(door.world.acme.pk), pytest.raises(Invalid, match="can't be reached"):
        MailConnect.send_test(actor=door.world.actor("owner"), account_id=door.account.pk, to="me@acme.example")


@pytest.mark.parametrize("count", [1, 3])
def test_list_of_mails_costs_the_same_queries(door: Door, count: int) -> None:
    for number in range(count):
        door.mail(f"k-{number}")
    client = console(door.world)
    client.get(MAILS)
    with CaptureQueriesContext(connection) as asked:
        text = client.get(MAILS).content.decode()
    assert text.count("a•••@c•••.example") == count
    assert "ana@customers" not in text
    assert len(asked) == 7  # one of them for the bell


def test_mails_to_colleagues_are_told_apart_though_their_masks_are_alike(door: Door) -> None:
    people = [door.world.people[role] for role in ("approver", "support")]
    for person in people:
        mail = door.mail(f"to-{person.pk}")
        with tenant_scope(door.world.acme.pk):
            MailDelivery.objects.filter(pk=mail.pk).update(user_id=person.pk)
    with CaptureQueriesContext(connection) as asked:
        text = console(door.world).get(MAILS).content.decode()
    assert f"Approver {str(people[0].pk)[-6:]}" in text
    assert f"Support {str(people[1].pk)[-6:]}" in text
    assert sum("accounts_membership" in query["sql"] and " IN (" in query["sql"] for query in asked) == 1


def test_list_tells_how_many_mails_are_too_old_to_be_listed(door: Door) -> None:
    with tenant_scope(door.world.acme.pk):
        MailCount.objects.create(day="2020-01-01", type="test", status="sent", count=1_200)
    assert "1,200 are older than 400 days" in console(door.world).get(MAILS).content.decode()


def test_page_of_a_mail_shows_its_way_and_not_its_words(door: Door) -> None:
    mail = door.mail()
    with tenant_scope(door.world.acme.pk):
        MailDelivery.objects.filter(pk=mail.pk).update(status="bounced", error="bounce")
    text = console(door.world).get(f"{MAILS}{mail.pk}/").content.decode()
    assert "The email bounced" in text
    assert "Hello" not in text


def test_person_turns_mail_off_and_on(world: World) -> None:
    client = console(world, "viewer")
    for word, wanted in (("off", False), ("on", True)):
        assert client.post("/account/mail/", {"mail": word}).status_code == 302
        with tenant_scope(world.acme.pk):
            assert Membership.objects.get(user=world.people["viewer"]).mail_on is wanted
    assert "You get approval emails." in client.get("/account/mail/").content.decode()


def test_stranger_is_sent_to_the_sign_in(db: None) -> None:
    assert "/admin/login/" in Client().get("/account/mail/")["Location"]
