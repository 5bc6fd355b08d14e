"""An attacker with the application's database role and an hour: what each try comes to, and what the checks name."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from analytics.exports import jobs
from analytics.exports.jobs import Wanted
from conversations.types import SenderIdentity
from core.clock import now
from core.tenancy.scope import tenant_scope
from hitl.approvals.decide.override import override
from hitl.batches.batches import open_batch
from hitl.batches.preview import Chosen
from hitl.policy.limits.caps import create_cap
from tests.accounts.test_sessions import is_in, sign_in
from tests.conversations.conftest import make_shop
from tests.hitl.approvals.integrity.test_seals import undone
from tests.hitl.kit.scene import PRESS, Scene, stored
from tests.hitl.seals.hour import Lab, outcome, secrets_of_mine, tries


@pytest.fixture
def lab(scene: Scene) -> Lab:
    """A day at work: requests in several states, a used up limit, customers, a session, a batch, a waiting export."""
    owner, world = scene.actor("owner"), scene.world
    scene.define({}, allow_override=True)
    create_cap(actor=owner, scope="all", currency="EUR", amount=7, window="day")
    spent = scene.done(scene.approved())
    waiting, overridden, batched = (
        scene.propose(params={**PRESS, "button": name}) for name in ("green", "black", "grey")
    )
    approved = scene.approved(params={**PRESS, "button": "blue"})
    strong, digest = replace(owner, auth_strength="mfa"), overridden.digest
    override(actor=strong, approval_id=overridden.pk, digest=digest, reason="It burns")
    batch = open_batch(actor=scene.actor("approver"), verdict="approve", chosen=[Chosen(batched.pk, batched.digest)])
    shop = make_shop(world)
    theirs = shop.call("My stove is at 4 Mill Lane, says Ana Quillfeather")
    mine = shop.conversation(text="Hi", sender=SenderIdentity(kind="webchat", value="the attacker"))
    assert is_in(sign_in(world.people["owner"]))
    asked = Wanted("conversations", "csv", now() - timedelta(days=1), now(), in_clear=True, reason="The regulator asks")
    jobs.request_export(actor=scene.actor("admin"), wanted=asked)
    rows = {"acme": world.acme, "globex": world.globex, "mine": mine, "theirs": theirs, **world.people}
    rows |= {"waiting": waiting, "approved": approved, "spent": spent, "batch": batch}
    rows |= {"conversation": theirs.conversation, "contact": theirs.conversation.contact}
    ids = {**{name: row.pk for name, row in rows.items()}, **secrets_of_mine()}
    return Lab(scene, waiting, stored(approved), mine, theirs, ids)


@pytest.mark.slow
def test_what_somebody_with_the_role_of_the_database_does_in_an_hour(lab: Lab) -> None:
    wrong, told = [], []
    assert (lab.named(), connection.settings_dict["USER"]) == ([], "walker_app")
    for tried in tries():
        with undone():
            came, named = outcome(lab, tried)
        told.append(f"{tried.area} | {tried.what} | {came} | {'; '.join(named)[:200]}")
        if came != tried.comes_to:
            wrong.append(f"{tried.what}: {came}, not {tried.comes_to}; {named[:2]}")
    print("\n".join(told))  # noqa: T201
    assert wrong == []
    for tenant in (lab.scene.world.acme, lab.scene.world.globex):
        with tenant_scope(tenant.pk):
            assert lab.named() == []
