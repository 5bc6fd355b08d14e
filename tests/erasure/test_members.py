"""A member is erased: the account, the membership and the words go; what was decided stays, under an id of nobody."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.members.invitations import invite_member
from accounts.members.pictures import save_picture
from accounts.members.profile import change_profile
from accounts.models import ApiKey, BrowserSession, MemberPicture, Membership, TokenFamily, User
from accounts.privacy.erasure import erase_member
from accounts.saved_views import save_view
from accounts.selectors import names_of
from accounts.services import add_member, create_api_key, remove_member
from accounts.sessions import families
from channels_app.approver_channels import addresses
from conversations import services as talk
from conversations.channel_accounts import accounts
from conversations.models import ChannelAccount, Contact, Conversation, Message
from conversations.services import Draft, Sender
from conversations.types import SenderIdentity
from core import notices
from core.audit import chain
from core.errors import Conflict, NotFound, Refused
from core.models import AuditEntry, Erasure
from core.tenancy.scope import tenant_scope
from hitl.management.commands.verify_approvals import problems
from hitl.models import Approval, Decision
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from tests import files
from tests.console.scene import add_workflow, ask, write_in
from tests.erasure.scene import DOOR, finish, sign, strong
from tests.erasure.searching import found
from tests.world import OPERATOR, PASSWORD, Mould, World

pytestmark = pytest.mark.slow

NAME = "Ottoline Vandersnoot"
MAIL = "ottoline@vandersnoot.example"
PHONE = "+34611987654"
SLACK = "U0OTTOLINE"
WORDS = (NAME, "Vandersnoot", MAIL, "611987654", SLACK, "203.0.113.77", "the ivory tower")
ADDRESS = "203.0.113.77"


@pytest.fixture
def world(db: None, mould: Mould) -> World:
    """A world in which nobody but the leaver left traces."""
    return mould.cast()


@pytest.fixture
def leaver(world: World) -> User:
    """An approver who has asked, decided, written and been written to."""
    user: User = world.people["approver"]
    User.objects.filter(pk=user.pk).update(email=MAIL, first_name="Ottoline", last_name="Vandersnoot")
    user.refresh_from_db()
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    EmailAddress.objects.create(user=user, email=MAIL, verified=True, primary=True)
    client = Client(REMOTE_ADDR=ADDRESS)
    assert client.post("/admin/login/", {"username": MAIL, "password": PASSWORD}).status_code == 302
    Authenticator.objects.create(user=user, type="recovery_codes", data={"seed": "the ivory tower"})
    with tenant_scope(world.acme.pk):
        _work(world, user)
    return user


def _work(world: World, user: User) -> None:
    add_workflow(world)
    me = world.actor("approver")
    for kind, provider, address in (("whatsapp", "twilio", PHONE), ("slack", "slack", SLACK)):
        account = ChannelAccount.objects.create(kind=kind, provider=provider, name=kind)
        code = addresses.request_code(actor=me, account=account, address=address).code
        addresses.confirm_code(actor=me, account=account, code=code)
        addresses.request_code(actor=me, account=account, address=address)
    save_view(actor=me, list_key="hitl.approval", name="the ivory tower", query="risk=high")
    save_view(actor=world.actor("admin"), list_key="hitl.approval", name="Theirs", query="q=ottoline+Vandersnoot")
    save_view(actor=world.actor("admin"), list_key="hitl.approval", name="Late", query="overdue=yes")
    sign(world, ask(world), f"says {NAME} in the ivory tower")
    ask(world, "approver", params={"campaign": "Mine"}, origin={"notes": "the ivory tower", "address": ADDRESS})
    line = accounts.connect_channel(
        actor=OPERATOR,
        kind="whatsapp",
        provider="twilio",
        name="L",
        address="+34900000002",
        provider_account="AC1",
        credentials={},
    )
    chat = write_in(line, "the ivory tower here", value=PHONE)
    contact = Conversation.objects.get(pk=chat).contact
    talk.link_contact_to_user(actor=world.actor("owner"), contact_id=contact.pk, user_id=user.pk)
    other = write_in(line, "hello", value="+34600111222")
    talk.introduce(actor=DOOR, sender=SenderIdentity("email", "x@y.example", True))
    answerer = strong(world.actor("owner"))
    talk.reply(actor=answerer, conversation_id=other, draft=Draft(text="Hi", sender=Sender(type="person")))
    create_api_key(actor=world.actor("owner"), user=world.people["owner"], name="k", scopes=["hitl.view_approval"])
    ApiKey.objects.create(user=user, name=f"{NAME}'s", prefix="wk_1", digest="d" * 64, expires_at=world.acme.created_at)
    notices.leave(people=[user.pk], kind="approval", title=f"{NAME} called from the ivory tower", link="/admin/")
    queue_mail(NewMail(type="note", recipient=MAIL, subject="Hi", text="Hi", key="m", user_id=user.pk))
    assert me.user_id == user.pk


def erase(world: World, user: User, role: str = "owner") -> None:
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=user)
        finish(erase_member(actor=strong(world.actor(role)), membership_id=membership.pk, reason="asked_for").pk)


def test_nothing_of_the_member_is_left_anywhere(world: World, leaver: User) -> None:
    planted = found(world.acme.pk, WORDS)
    assert len(planted) > 12, sorted(planted)
    erase(world, leaver)
    assert found(world.acme.pk, WORDS) == set()


@pytest.mark.parametrize(
    ("first", "text"),
    [
        ("Ottoline", "See https://x.example/?mail=ottoline%40vandersnoot.example"),
        ("Ottoline", "See https://x.example/?who=ottoline%20vandersnoot"),
        ("İpek", "Yours, İpek Vandersnoot"),
    ],
)
def test_name_in_any_spelling_goes_and_the_erasure_ends(world: World, leaver: User, first: str, text: str) -> None:
    User.objects.filter(pk=leaver.pk).update(first_name=first)
    with tenant_scope(world.acme.pk):
        written = Message.objects.filter(sender_type="person").latest("pk")
        Message.objects.filter(pk=written.pk).update(sender_id=leaver.pk, body=text)
        erase(world, leaver)
        written.refresh_from_db()
        done = Erasure.objects.get()
    assert (done.state, done.counts["own_replies"], written.body) == ("done", 1, "[erased]")


def test_mail_that_was_just_taken_keeps_its_content(world: World, leaver: User) -> None:
    from integrations.erasure import _blank
    from integrations.models import MailDelivery

    with tenant_scope(world.acme.pk):
        mail = MailDelivery.objects.get(user_id=leaver.pk)
        MailDelivery.objects.filter(pk=mail.pk).update(status="sending")
        assert _blank([mail.pk]) == 0


def test_decisions_stay_and_the_audit_is_whole(world: World, leaver: User) -> None:
    erase(world, leaver)
    with tenant_scope(world.acme.pk):
        vote = Decision.objects.get(verdict="approve")
        assert (vote.person_id, vote.reason, bool(vote.digest)) == (leaver.pk, "", True)
        assert chain.verify().ok
        assert list(problems()) == []
        assert AuditEntry.objects.get(action="member.erased").facts["counts"]["accounts"] == 1
        assert names_of([leaver.pk]) == {}


def test_erased_member_is_signed_out_and_cannot_come_back(world: World, leaver: User) -> None:
    with tenant_scope(world.acme.pk):
        save_picture(actor=world.actor("approver"), picture=SimpleUploadedFile("me.png", files.png()))
        change_profile(actor=world.actor("approver"), zone="Europe/Lisbon", signature=NAME)
        families.begin(user=leaver, strength="password", address=ADDRESS, user_agent="")
    assert (Session.objects.exists(), BrowserSession.objects.exists()) == (True, True)
    erase(world, leaver)
    assert (Session.objects.exists(), BrowserSession.objects.exists()) == (False, False)
    with tenant_scope(world.acme.pk):
        assert (MemberPicture.objects.exists(), TokenFamily.objects.exists()) == (False, False)
        left = Membership.objects.get(user=leaver)
        assert (left.picture_key, left.zone, left.signature) == ("", "", None)
    answer = Client().post("/admin/login/", {"username": MAIL, "password": PASSWORD})
    assert answer.status_code == 200
    leaver.refresh_from_db()
    with tenant_scope(world.acme.pk), pytest.raises(Conflict):
        add_member(actor=OPERATOR, user=leaver, role="viewer")


def test_open_requests_of_the_member_are_withdrawn(world: World, leaver: User) -> None:
    erase(world, leaver)
    with tenant_scope(world.acme.pk):
        assert [row.state for row in Approval.objects.filter(requester=leaver)] == ["cancelled"]


def test_person_with_a_membership_elsewhere_keeps_the_account_but_has_no_name_here(world: World, leaver: User) -> None:
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=leaver, role="viewer")
    erase(world, leaver)
    leaver.refresh_from_db()
    assert (leaver.email, leaver.is_active) == (MAIL, True)
    with tenant_scope(world.acme.pk):
        assert names_of([leaver.pk]) == {}
        assert Contact.objects.filter(erased_at__isnull=False).count() == 1


def test_contact_that_is_linked_meanwhile_goes_too(world: World, leaver: User) -> None:
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=leaver)
        erasure = erase_member(actor=strong(world.actor("owner")), membership_id=membership.pk, reason="asked_for")
        late = Contact.objects.filter(erased_at=None).earliest("pk")
        Contact.objects.filter(pk=late.pk).update(user_id=leaver.pk, display_name=NAME, masked_name="O…")
        finish(erasure.pk)
        late.refresh_from_db()
        assert (late.user_id, late.display_name, late.points.count()) == (None, "Erased person", 0)


@pytest.mark.parametrize(
    ("role", "whose", "code"),
    [
        ("compliance", "compliance", "yourself"),
        ("compliance", "owner", "role_above_yours"),
        ("compliance", "admin", "role_above_yours"),
        ("admin", "viewer", "not_allowed"),
        ("support", "viewer", "not_allowed"),
    ],
)
def test_erasing_is_refused(world: World, role: str, whose: str, code: str) -> None:
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=world.people[whose])
        with pytest.raises(Refused) as refused:
            erase_member(actor=strong(world.actor(role)), membership_id=membership.pk, reason="asked_for")
    assert refused.value.code == code


def test_last_owner_is_not_erased(world: World) -> None:
    _, second = world.another("owner")
    with tenant_scope(world.acme.pk):
        memberships = {membership.user_id: membership.pk for membership in Membership.objects.filter(role="owner")}
        mine, other = memberships[world.people["owner"].pk], memberships[second.user_id]
        first = erase_member(actor=strong(world.actor("owner")), membership_id=other, reason="asked_for")
        finish(first.pk)
        with pytest.raises(Conflict) as refused:
            erase_member(actor=strong(second), membership_id=mine, reason="asked_for")
    assert refused.value.code == "last_owner"


def test_member_of_another_tenant_is_like_an_absent_one(world: World) -> None:
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=world.people["viewer"])
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        erase_member(actor=strong(world.outsider()), membership_id=membership.pk, reason="asked_for")


def test_invitations_to_the_member_are_withdrawn_and_emptied(world: World, leaver: User) -> None:
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=leaver)
        remove_member(actor=OPERATOR, membership_id=membership.pk)
        row = invite_member(actor=OPERATOR, email=MAIL, name=NAME, role="viewer")
    erase(world, leaver)
    assert found(world.acme.pk, WORDS) == set()
    with tenant_scope(world.acme.pk):
        row.refresh_from_db()
        assert (row.withdrawn_at is not None, row.address, row.masked_address) == (True, None, "[erased]")
