"""The mail of an invitation: once after the commit, with a link that is stored nowhere, and what became of it."""

import re
from typing import Any

import pytest

from accounts.members.invitations import find_invitation, resend_invitation, withdraw_invitation
from accounts.models import Invitation
from core.events import relay
from core.tenancy.scope import tenant_scope
from integrations.mail.invitations import on_invited
from integrations.mail.services import deliver_mail
from integrations.models import MailDelivery
from tests.accounts.invitations.inviting import NEW, invite
from tests.integrations.mail.servers import Answers
from tests.world import World


def told(row: Invitation, round: int = 1) -> MailDelivery | None:
    """Hear the announcement, as the relay tells it; returns the mail."""
    on_invited(ref=row.pk, payload={"round": str(round)})
    return MailDelivery.objects.filter(key=f"invitation:{row.pk}:{round}").first()


def secret_in(api: Answers) -> str:
    """Return the secret of the link in the mail that left last."""
    [found] = set(re.findall(r"/i/([^/]+)/", str(api.seen[-1])))
    return found


def test_relay_queues_the_mail_once_and_it_holds_no_secret(desk: World) -> None:
    row = invite(desk, name="Ana")
    with tenant_scope(desk.acme.pk):
        relay.relay()
        mail = told(row)
        assert MailDelivery.objects.count() == 1
    assert mail is not None
    assert (mail.address, mail.user_id, mail.subject) == (NEW, None, "Owner Acme invited you to Acme")
    place = f"/i/of-{row.pk.hex}-1/"
    assert [place in mail.text, place in mail.html, "Hello Ana," in mail.text] == [True, True, True]


def test_link_of_the_mail_that_left_opens_the_invitation(desk: World, api: Answers) -> None:
    row = invite(desk)
    mail = told(row)
    assert mail is not None
    assert deliver_mail(mail.pk) == "sent"
    assert find_invitation(secret_in(api)) == (desk.acme.pk, row.pk)
    row.refresh_from_db()
    assert (row.mailed_at is not None, row.mail_problem) == (True, "")


def test_mail_of_a_withdrawn_invitation_brings_no_link(desk: World, api: Answers) -> None:
    row = invite(desk)
    mail = told(row)
    assert mail is not None
    withdraw_invitation(actor=desk.actor("owner"), invitation_id=row.pk)
    deliver_mail(mail.pk)
    assert find_invitation(secret_in(api)) is None
    assert told(invite(desk, email="b@x.example"), 2) is None


def test_older_mail_that_leaves_late_changes_nothing(desk: World, api: Answers) -> None:
    row = invite(desk)
    old = told(row)
    resend_invitation(actor=desk.actor("owner"), invitation_id=row.pk)
    new = told(row, 2)
    assert old is not None
    assert new is not None
    deliver_mail(new.pk)
    newest = secret_in(api)
    api.queue.append((401, {}))
    deliver_mail(old.pk)
    assert (find_invitation(secret_in(api)), find_invitation(newest)) == (None, (desk.acme.pk, row.pk))
    row.refresh_from_db()
    assert row.mail_problem == ""


@pytest.mark.parametrize("is_connected", [True, False])
def test_mail_that_cannot_leave_is_told_to_who_invites(
    acme: World, api: Answers, desk: Any, is_connected: bool
) -> None:
    from integrations.models import ProviderAccount

    row = invite(acme)
    if is_connected:
        api.queue.append((401, {}))
        mail = told(row)
        assert mail is not None
        deliver_mail(mail.pk)
    else:
        ProviderAccount.objects.update(is_active=False)
        assert told(row) is None
    row.refresh_from_db()
    assert row.mail_problem.startswith("SendGrid rejected" if is_connected else "No mail account")
