"""The mails about a password, by way of a real mail server: the installation's, not the tenant's account."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.sign_in.password_reset import find_user_by_link, link_lifetime, offer_reset, reset_password
from core.clock import now
from core.events import relay
from core.tenancy.scope import tenant_scope
from integrations.mail.services import deliver_mail
from integrations.models import MailDelivery
from tests.accounts.resets.resetting import NEW, person_of
from tests.console.test_sign_in import sign_in
from tests.integrations.mail.servers import Answers, Smtp
from tests.world import PASSWORD, World


@pytest.fixture(autouse=True)
def _own_mail(settings: Any, smtp: Smtp) -> None:
    """The installation has a mail server."""
    settings.EMAIL_URL, settings.MAIL_FROM = f"smtp://127.0.0.1:{smtp.port}", "Walker <walker@walker.example>"


def told(type: str) -> MailDelivery:
    """Relay what was announced; returns the one mail of a type."""
    relay.relay()
    return MailDelivery.objects.get(type=type)


def secret_in(smtp: Smtp) -> str:
    """Return the secret of the link in the mail that left last."""
    [found] = set(re.findall(r"/r/([^/\s]+)/", smtp.mails[-1].replace("=\r\n", "")))
    return str(found)


def test_link_leaves_by_the_installation_s_mail_alone_and_is_stored_nowhere(
    desk: World, api: Answers, smtp: Smtp
) -> None:
    user = person_of(desk)
    offer_reset(user_id=user.pk, asked=now())
    mail = told("password_reset")
    assert (mail.address, mail.user_id, mail.subject) == (user.email, user.pk, "Choose a new password")
    assert deliver_mail(mail.pk) == "sent"
    secret = secret_in(smtp)
    assert (api.seen, find_user_by_link(secret)) == ([], user)
    mail.refresh_from_db()
    assert secret not in f"{mail.text}{mail.html}"


def test_link_is_made_for_when_it_was_asked_for_whatever_the_person_is_called(desk: World, smtp: Smtp) -> None:
    user = person_of(desk)
    user.first_name = f"of-{'0' * 32}-9999999999"
    user.save()
    offer_reset(user_id=user.pk, asked=now())
    deliver_mail(told("password_reset").pk)
    secret = secret_in(smtp)
    assert find_user_by_link(secret) == user
    assert find_user_by_link(secret, now=now() + link_lifetime() + timedelta(seconds=2)) is None


def test_asking_twice_at_one_moment_is_one_mail(desk: World) -> None:
    user, moment = person_of(desk), now()
    for _ in range(2):
        offer_reset(user_id=user.pk, asked=moment)
    told("password_reset")


def test_mail_that_leaves_after_the_person_did_brings_no_link(desk: World, smtp: Smtp) -> None:
    user = person_of(desk)
    offer_reset(user_id=user.pk, asked=now())
    mail = told("password_reset")
    user.is_active = False
    user.save()
    deliver_mail(mail.pk)
    assert find_user_by_link(secret_in(smtp)) is None


def test_without_mail_of_the_installation_the_tenant_s_account_carries_no_link(
    desk: World, api: Answers, settings: Any
) -> None:
    offer_reset(user_id=person_of(desk).pk, asked=now())
    mail = told("password_reset")
    settings.EMAIL_URL = ""
    assert (deliver_mail(mail.pk), api.seen) == ("failed", [])


@pytest.mark.parametrize("way", ["link", "page"])
def test_person_is_told_that_the_password_was_changed(desk: World, api: Answers, smtp: Smtp, way: str) -> None:
    user = person_of(desk)
    if way == "link":
        offer_reset(user_id=user.pk, asked=now())
        deliver_mail(told("password_reset").pk)
        reset_password(secret=secret_in(smtp), password=NEW)
    else:
        client = Client()
        sign_in(client, user)
        client.post("/account/password/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    with tenant_scope(desk.acme.pk):
        mail = told("password_changed")
        assert deliver_mail(mail.pk) == "sent"
    assert (mail.address, "/account/reset/" in mail.text) == (user.email, True)
    assert "/r/" not in f"{mail.text}{mail.html}"
