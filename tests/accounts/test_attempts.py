"""Limits of wrong sign-ins: people of one office at once, guesses in parallel, the second factor, Redis away."""

import threading
from collections.abc import Sequence
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts.models import User
from accounts.sign_in import attempts
from tests.console.test_sign_in import code_of, set_up_app, sign_in
from tests.world import PASSWORD, World

OFFICE = "203.0.113.7"


def _sign_in_at_once(people: Sequence[tuple[str, str]]) -> list[str]:
    """Post all forms in the same moment from one address; return where each lands, or its page."""
    start, pages = threading.Barrier(len(people)), [""] * len(people)

    def post(number: int) -> None:
        try:
            start.wait()
            email, password = people[number]
            fields = {"username": email, "password": password}
            answer = Client().post("/admin/login/", fields, REMOTE_ADDR=OFFICE)
            pages[number] = answer.headers.get("Location") or answer.content.decode()
        finally:
            connection.close()

    threads = [threading.Thread(target=post, args=(number,)) for number in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return pages


@pytest.mark.slow
def test_fifteen_right_passwords_from_one_office_at_once_all_sign_in(transactional_db: None) -> None:
    kept = make_password(PASSWORD)
    people = [User(email=f"colleague{number}@acme.example", password=kept) for number in range(15)]
    User.objects.bulk_create(people)
    pages = _sign_in_at_once([(person.email, PASSWORD) for person in people])
    assert [page[:300] for page in pages if page != "/admin/"] == []


def test_guesses_at_once_from_one_address_get_ten_tries(transactional_db: None) -> None:
    pages = _sign_in_at_once([(f"guess{number}@acme.example", "wrong") for number in range(20)])
    told = [attempts.TOO_MANY in page for page in pages]
    assert (told.count(False), told.count(True)) == (10, 10)
    assert all("not correct" in page for page, is_limited in zip(pages, told, strict=True) if not is_limited)


def test_guesses_at_once_at_one_account_get_five_tries(transactional_db: None) -> None:
    pages = _sign_in_at_once([("guess@acme.example", f"wrong{number}") for number in range(8)])
    assert [attempts.TOO_MANY in page for page in pages].count(False) == 5


@pytest.mark.slow
@pytest.mark.django_db
def test_right_code_forgets_wrong_codes_of_the_person_and_nothing_of_the_address(client: Client, world: World) -> None:
    person = world.people["approver"]
    person.set_password(PASSWORD)
    person.save()
    sign_in(client, person)
    secret = set_up_app(client)
    sign_in(Client(), User(email="guess@acme.example"), "wrong")
    page = ""
    for _ in range(2):  # eight wrong codes, and five would lock the person
        other = Client()
        sign_in(other, person)
        for number in range(4):
            other.post("/account/2fa/authenticate/", {"code": f"00000{number}"})
        code = code_of(secret)
        cache.delete(f"allauth.mfa.totp.used?user={person.pk}&code={code}")
        page = other.post("/account/2fa/authenticate/", {"code": code}).headers.get("Location", "")
    assert page == "/admin/"
    last = [sign_in(Client(), person, "wrong") for _ in range(2)]
    assert [attempts.TOO_MANY in told for told in last] == [False, True]


def test_nobody_signs_in_while_attempts_cannot_be_counted(world: World, settings: Any) -> None:
    person = world.people["approver"]
    person.set_password(PASSWORD)
    person.save()
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert attempts.NOT_NOW in unescape(sign_in(Client(), person))
