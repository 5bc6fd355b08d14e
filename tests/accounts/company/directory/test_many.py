"""Five thousand people, pushed again without a change."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.company.directory import views
from accounts.company.directory.people import digest_of_user_name
from accounts.company.people import digest_of_external
from accounts.models import DirectoryPerson, Membership, User
from core.ids import uuid7
from core.tenancy.scope import tenant_scope
from tests.accounts.company.directory.pushing import Pusher, connect_directory
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.long]
MANY = 5000


def fill(world: World) -> None:
    """Write what pushing them writes, in a few statements."""
    with tenant_scope(world.acme.pk):
        users = [User(id=uuid7(), email=f"{n}@company.invalid", company_address=f"p{n}@acme.example")
                 for n in range(MANY)]  # fmt: skip
        User.objects.bulk_create(users)
        Membership.objects.bulk_create(Membership(user=user, role="viewer") for user in users)
        DirectoryPerson.objects.bulk_create(
            DirectoryPerson(
                user=user,
                document={"userName": user.company_address, "externalId": f"id-{number}"},
                user_name=digest_of_user_name(user.company_address),
                external=digest_of_external(f"id-{number}"),
            )
            for number, user in enumerate(users)
        )


def test_five_thousand_people_again_unchanged_write_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "PER_MINUTE", 10 * MANY)
    pusher: Pusher = connect_directory(world)
    fill(world)
    pusher.ask("GET", "ServiceProviderConfig")  # that it was heard from is noted once an hour
    pushed = 0
    for first in range(1, MANY + 1, 200):
        page = pusher.ask("GET", f"Users?startIndex={first}&count=200").json()
        assert (page["totalResults"], len(page["Resources"])) == (MANY, 200)
        with CaptureQueriesContext(connection) as ran:
            for one in page["Resources"]:
                assert pusher.ask("PUT", f"Users/{one['id']}", one).status_code == 200
        assert [row["sql"] for row in ran if row["sql"].split()[0].upper() in ("INSERT", "UPDATE", "DELETE")] == []
        pushed += len(page["Resources"])
    assert pushed == MANY
