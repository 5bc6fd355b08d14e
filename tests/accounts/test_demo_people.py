"""The demo's people: made at once, and signed in like anybody else."""

from typing import Any

import pytest
from django.conf import global_settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts.models import Membership, User
from core.tenancy.scope import tenant_scope
from demo.cast import ACME
from demo.people import ensure_people, ensure_tenant, password_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_people_of_the_demo_are_members_once_and_seeding_twice_changes_nothing() -> None:
    with tenant_scope(ensure_tenant(ACME)):
        first = {key: user.pk for key, user in ensure_people(ACME).items()}
        assert {key: user.pk for key, user in ensure_people(ACME).items()} == first
        assert Membership.objects.count() == len(ACME.people)


def test_first_sign_in_hashes_the_password_as_slowly_as_any_other(settings: Any) -> None:
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    with tenant_scope(ensure_tenant(ACME)):
        owner = ensure_people(ACME)["owner"]
    hasher = PBKDF2PasswordHasher()
    assert hasher.decode(owner.password)["iterations"] < hasher.iterations
    assert not owner.check_password("something-else")
    assert owner.check_password(password_of(owner.email))
    kept = User.objects.get(pk=owner.pk).password
    assert hasher.decode(kept)["iterations"] == hasher.iterations
