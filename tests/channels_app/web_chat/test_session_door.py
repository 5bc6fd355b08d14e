"""`POST /widget/v1/session/`, the component's file and the hosted page."""

from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from accounts.members.pictures import save_picture
from channels_app.web_chat import conversation, identity, tokens, views
from channels_app.web_chat.frames import SendMessage
from channels_app.web_chat.settings.limits import Bucket
from channels_app.web_chat.settings.manage import new_identity_secret
from conversations import services as talk
from conversations.models import ChannelAccount, Contact
from conversations.services import Draft, Sender
from core.clock import now
from core.tenancy.models import tenant_scope
from tests import files
from tests.channels_app.conftest import SECRET, SITE, Widgets
from tests.world import OPERATOR, World

URL = "/widget/v1/session/"


def ask(client: Client, account: ChannelAccount, *, origin: str = SITE, **proofs: Any) -> Any:
    body = {"widget": account.public_key, **proofs}
    return client.post(URL, body, content_type="application/json", headers={"Origin": origin})


def signed(account: ChannelAccount, subject: str, secret: str = SECRET) -> str:
    return identity.sign(secret=secret, widget=account.public_key, subject=subject, now=now())


def guest_of(answer: Any) -> tokens.Guest:
    return tokens.verify(answer.json()["token"], now=now())


def test_visitor_gets_a_short_token_and_a_long_secret(client: Client, widgets: Widgets) -> None:
    answer = ask(client, widgets.acme)
    assert guest_of(answer).kind == "visitor"
    assert answer.json()["ws_path"] == "/ws/chat/"
    assert answer["Access-Control-Allow-Origin"] == SITE
    assert answer["Cache-Control"] == "no-store"


def test_visitor_who_comes_back_is_the_same(client: Client, widgets: Widgets) -> None:
    first = ask(client, widgets.acme)
    again = ask(client, widgets.acme, visitor=first.json()["visitor"])
    assert guest_of(first).point == guest_of(again).point


@pytest.mark.parametrize(
    ("language", "kept"), [("de", "de"), ("pt_BR", "pt_BR"), ("", ""), ("Klingon, please", ""), ("<script>", "")]
)
def test_visitor_speaks_the_language_of_the_page_until_another_is_known(
    client: Client, widgets: Widgets, language: str, kept: str
) -> None:
    first = ask(client, widgets.acme, language=language)
    assert first.status_code == 200, first.content
    with tenant_scope(widgets.acme.tenant_id):
        message = SendMessage(id=uuid4(), message="OK")
        conversation_id = conversation.store_message(guest_of(first), message, "tests").conversation_id
        contact = Contact.objects.get(conversations=conversation_id)
        assert contact.language == kept
        again = ask(client, widgets.acme, visitor=first.json()["visitor"], language="fr")
        conversation.store_message(guest_of(again), SendMessage(id=uuid4(), message="OK"), "tests")
        contact.refresh_from_db()
        assert contact.language == (kept or "fr")
    longer = ask(client, widgets.acme, token=first.json()["token"])
    assert guest_of(longer).language == language


@pytest.mark.parametrize("language", [7, ["de"], "d" * 17])
def test_language_that_is_none_is_refused(client: Client, widgets: Widgets, language: Any) -> None:
    answer = ask(client, widgets.acme, language=language)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["language"])


def test_visitor_of_another_widget_is_a_new_one(client: Client, widgets: Widgets) -> None:
    first = ask(client, widgets.globex)
    again = ask(client, widgets.acme, visitor=first.json()["visitor"])
    assert guest_of(first).point != guest_of(again).point


def test_member_signed_by_the_host_is_a_member(client: Client, world: World, widgets: Widgets) -> None:
    user = world.people["support"]
    answer = ask(client, widgets.acme, identity=signed(widgets.acme, user.email.upper()))
    assert (guest_of(answer).kind, guest_of(answer).user_id) == ("member", user.pk)


def test_member_named_by_id_is_the_same_member(client: Client, world: World, widgets: Widgets) -> None:
    user = world.people["support"]
    answer = ask(client, widgets.acme, identity=signed(widgets.acme, str(user.pk)))
    assert guest_of(answer).user_id == user.pk


def test_outsider_signed_by_the_host_is_only_a_customer(client: Client, world: World, widgets: Widgets) -> None:
    stranger = world.outsiders["owner"]
    answer = ask(client, widgets.acme, identity=signed(widgets.acme, stranger.email))
    assert (guest_of(answer).kind, guest_of(answer).user_id) == ("customer", None)
    assert stranger.email not in answer.json()["token"]


@pytest.mark.parametrize("who", ["support", "customer-7"])
def test_new_identity_secret_voids_the_tokens_before(client: Client, world: World, widgets: Widgets, who: str) -> None:
    email = world.people[who].email if who in world.people else who
    first = ask(client, widgets.acme, identity=signed(widgets.acme, email)).json()["token"]
    assert ask(client, widgets.acme, token=first).status_code == 200
    with tenant_scope(world.acme.pk):
        new_identity_secret(actor=OPERATOR, account_id=widgets.acme.pk)
        assert conversation.check_entry(tokens.verify(first, now=now())) == conversation.Entry(
            (SITE,), guest_may=False, name=widgets.acme.name, shows_people=True
        )
    answer = ask(client, widgets.acme, token=first)
    assert (answer.status_code, answer.json()["code"]) == (403, "bad_identity")


def test_new_identity_secret_leaves_visitors_alone(client: Client, world: World, widgets: Widgets) -> None:
    first = ask(client, widgets.acme)
    with tenant_scope(world.acme.pk):
        new_identity_secret(actor=OPERATOR, account_id=widgets.acme.pk)
    assert guest_of(ask(client, widgets.acme, token=first.json()["token"])).point == guest_of(first).point


def test_identity_of_another_widget_is_refused(client: Client, world: World, widgets: Widgets) -> None:
    foreign = signed(widgets.second, world.people["owner"].email)
    answer = ask(client, widgets.acme, identity=foreign)
    assert (answer.status_code, answer.json()["code"]) == (403, "bad_identity")


def test_identity_without_a_secret_on_the_widget_is_unavailable(client: Client, world: World, widgets: Widgets) -> None:
    with tenant_scope(world.acme.pk):
        widgets.acme.credentials = {}
        widgets.acme.save(update_fields=["credentials"])
    assert ask(client, widgets.acme, identity=signed(widgets.acme, "a")).status_code == 503


def test_member_without_a_membership_is_not_prolonged(client: Client, world: World, widgets: Widgets) -> None:
    user = world.people["support"]
    token = ask(client, widgets.acme, identity=signed(widgets.acme, user.email)).json()["token"]
    assert ask(client, widgets.acme, token=token).json()["signed_in"] == "member"
    with tenant_scope(world.acme.pk):
        user.memberships.update(is_active=False)
    assert ask(client, widgets.acme, token=token).json()["code"] == "bad_identity"


def test_token_of_another_tenant_is_not_prolonged(client: Client, world: World, widgets: Widgets) -> None:
    foreign = signed(widgets.globex, world.outsiders["owner"].email)
    token = ask(client, widgets.globex, identity=foreign).json()["token"]
    assert ask(client, widgets.acme, token=token).json()["signed_in"] == "visitor"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example", "null", SITE + ":444"])
def test_origin_not_registered_gets_nothing(client: Client, widgets: Widgets, origin: str) -> None:
    answer = ask(client, widgets.acme, origin=origin)
    # The refusal itself may be read: the chat on that page has to say what is wrong.
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (403, "*")
    assert answer.json() == {"code": "origin", "detail": "This chat isn't enabled for this website."}


def test_hosted_page_origin_is_our_own(client: Client, widgets: Widgets) -> None:
    assert ask(client, widgets.acme, origin="http://testserver").status_code == 200


def test_preflight_allows_the_registered_origin_only(client: Client, widgets: Widgets) -> None:
    where = f"{URL}?widget={widgets.acme.public_key}"
    good, bad = (client.options(where, headers={"Origin": o}) for o in (SITE, "https://evil.example"))
    assert good["Access-Control-Allow-Origin"] == SITE
    assert "Access-Control-Allow-Origin" not in bad


@pytest.mark.parametrize("key", ["", "unknown", "\x00", "x" * 100, None, 7, {"a": 1}, ["x"]])
def test_widget_unknown_is_not_found(client: Client, widgets: Widgets, key: Any) -> None:
    answer = client.post(URL, {"widget": key}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_widget_switched_off_is_the_same_not_found(client: Client, world: World, widgets: Widgets) -> None:
    with tenant_scope(world.acme.pk):
        ChannelAccount.objects.filter(pk=widgets.acme.pk).update(is_active=False)
    unknown = client.post(URL, {"widget": "unknown"}, content_type="application/json")
    assert ask(client, widgets.acme).content == unknown.content


def test_account_that_is_no_widget_is_not_found(client: Client, world: World) -> None:
    with tenant_scope(world.acme.pk):
        mailbox = ChannelAccount.objects.create(
            kind="email", provider="sendgrid", name="Mail", address="a@acme.example"
        )
    assert ask(client, mailbox).status_code == 404


@pytest.mark.parametrize("body", ["", "{", "[]", '{"widget": 1e999}', '{"visitor": "' + "x" * 300 + '"}'])
def test_body_out_of_shape_is_refused_in_words(client: Client, db: None, body: str) -> None:
    answer = client.post(URL, body, content_type="text/plain")
    assert answer.status_code in (400, 404)
    assert answer.json()["code"]


def test_body_too_large_is_refused(client: Client, db: None) -> None:
    assert client.post(URL, "x" * 20_000, content_type="text/plain").status_code == 413


def test_address_that_asks_too_often_waits(client: Client, widgets: Widgets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "PER_ADDRESS", Bucket(size=2, seconds=60))
    assert [ask(client, widgets.acme).status_code for _ in range(3)] == [200, 200, 429]


def test_browser_that_asks_too_often_waits_and_its_neighbours_do_not(
    client: Client, widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PER_BROWSER", Bucket(size=2, seconds=60))
    one, other = (ask(client, widgets.acme).json()["visitor"] for _ in range(2))
    assert [ask(client, widgets.acme, visitor=one).status_code for _ in range(3)] == [200, 200, 429]
    assert ask(client, widgets.acme, visitor=other).status_code == 200


@pytest.mark.long
def test_five_hundred_visitors_of_one_office_come_in_one_minute(client: Client, widgets: Widgets) -> None:
    assert {ask(client, widgets.acme).status_code for _ in range(500)} == {200}


def test_script_is_cached_and_revalidated(client: Client) -> None:
    first = client.get("/widget/v1/walker.js")
    again = client.get("/widget/v1/walker.js", headers={"If-None-Match": first["ETag"]})
    assert b"walker-chat" in first.content
    assert '"Close the chat": "Chat schlie' in first.content.decode()
    assert (again.status_code, again.content) == (304, b"")
    assert first["Access-Control-Allow-Origin"] == "*"


def test_hosted_page_has_a_policy_without_inline_code(client: Client, widgets: Widgets) -> None:
    answer = client.get(f"/chat/{widgets.acme.public_key}/")
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert widgets.acme.public_key.encode() in answer.content


def test_hosted_page_of_an_unknown_widget_is_not_found(client: Client, db: None) -> None:
    assert client.get("/chat/unknown/").status_code == 404


@pytest.mark.parametrize(("demo", "status"), [(True, 200), (False, 404)])
def test_demo_member_is_signed_in_the_demo_only(
    client: Client, world: World, settings: Settings, demo: bool, status: int
) -> None:
    from tests.channels_app.conftest import make_widget

    settings.HOSTED_PAGES_SIGN_IN = demo
    kept = {"identity_secret": SECRET, "hosted_identity": world.people["support"].email}
    widget = make_widget(world.acme.pk, "Desk", credentials=kept)
    page = client.get(f"/chat/{widget.public_key}/")
    assert (b"identity=" in page.content) is demo
    assert client.get(f"/chat/{widget.public_key}/identity/").status_code == status


def test_hosted_page_signs_nobody_without_the_flag(client: Client, widgets: Widgets, settings: Settings) -> None:
    settings.HOSTED_PAGES_SIGN_IN = True
    assert b"identity=" not in client.get(f"/chat/{widgets.acme.public_key}/").content


@pytest.mark.slow
def test_customer_sees_first_name_and_picture_only_where_the_chat_shows_who_answers(
    client: Client, widgets: Widgets, world: World
) -> None:
    guest = guest_of(ask(client, widgets.acme))
    with tenant_scope(widgets.acme.tenant_id):
        written = conversation.store_message(guest, SendMessage(id=uuid4(), message="Hello?"), "tests")
        support, chat = world.actor("support"), written.conversation_id
        talk.reply(actor=support, conversation_id=chat, draft=Draft(text="Hi", sender=Sender(type="person")))
        key = save_picture(actor=support, picture=SimpleUploadedFile("me.png", files.png())).picture_key
        shown = {}
        for shows_people in (True, False):
            frames = conversation.read_after(chat, 0, conversation.Voice("Desk", shows_people)).frames
            shown[shows_people] = [frame["sender"] for frame in frames if frame.get("content") == "Hi"]
    assert shown == {
        True: [{"type": "person", "name": "Support", "picture": f"/pictures/{key}/"}],
        False: [{"type": "person", "name": ""}],
    }
