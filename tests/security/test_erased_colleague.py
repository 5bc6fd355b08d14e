"""A colleague who was erased here and is a member elsewhere: the account stays, and no page here shows the name."""

from collections.abc import Iterable

import pytest
from django.db import transaction

from accounts.models import Membership, User
from accounts.privacy.erasure import erase_member
from accounts.services import add_member
from core.models import Erasure, IdempotencyRecord
from core.tenancy.scope import tenant_scope
from hitl.models import Approval
from tests.database.sealing import rewrite
from tests.erasure.scene import finish, strong
from tests.security.conftest import Visitor
from tests.security.test_every_url import URLS, asked
from tests.security.town import Town
from tests.world import OPERATOR

pytestmark = pytest.mark.slow

WORDS = ("Ottoline", "Vandersnoot", "ottoline@")


# Those that name a colleague: lists and pages of the console, answers of the API.
NAMING = """
accounts_membership_change accounts_membership_changelist analytics_briefpreference_changelist hitl_approval_change
hitl_approval_changelist hitl_approvergroup_change hitl_delegation_changelist hitl_overridereview_change
""".split()
IN_THE_API = """
api-approvals-detail api-approvals-list api-brief-preferences-list api-delegations-list api-groups-detail
api-groups-list api-override-reviews-list
""".split()
TELLING = {*(f"admin:{name}" for name in NAMING), *IN_THE_API}


def telling(town: Town, visitor: Visitor, names: Iterable[str]) -> set[str]:
    """Return the URLs whose answer tells the owner who it was."""
    client = visitor("owner")
    return {name for name in names if any(word in asked(client, town, name)[1] for word in WORDS)}


@pytest.fixture
def leaver(town: Town) -> User:
    """Somebody with a row in every table here, who is a member elsewhere too."""
    user: User = town.world.people["viewer"]
    names = {"first_name": "Ottoline", "last_name": "Vandersnoot"}
    User.objects.filter(pk=user.pk).update(email="ottoline@vandersnoot.example", **names)
    with tenant_scope(town.world.globex.pk):
        add_member(actor=OPERATOR, user=user, role="viewer")
    with tenant_scope(town.world.acme.pk):
        with transaction.atomic():
            rewrite(Approval.objects.all(), requester=user)
        IdempotencyRecord.objects.update(state=IdempotencyRecord.State.FINISHED)
    return user


def erase(town: Town, user: User) -> None:
    with tenant_scope(town.world.acme.pk):
        membership = Membership.objects.get(user=user)
        asked_for = {"actor": strong(town.world.actor("owner")), "reason": "asked_for"}
        erasure = erase_member(**asked_for, membership_id=membership.pk)
        finish(erasure.pk)
        assert Erasure.objects.get(pk=erasure.pk).state == "done"


def test_pages_and_answers_that_told_the_name_tell_it_no_more(town: Town, visitor: Visitor, leaver: User) -> None:
    assert telling(town, visitor, TELLING) == TELLING
    erase(town, leaver)
    assert telling(town, visitor, TELLING) == set()
    leaver.refresh_from_db()
    assert (leaver.first_name, leaver.is_active) == ("Ottoline", True)


def test_no_page_and_no_answer_at_all_tells_the_name(town: Town, visitor: Visitor, leaver: User) -> None:
    erase(town, leaver)
    assert telling(town, visitor, URLS) == set()
