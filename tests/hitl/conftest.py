"""The approval engine's world: a workflow, kinds whose effects are counted, and shortcuts."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.batches import work
from integrations.services import connect_provider
from tests.edge.platform_fixture import ACME_TOKEN, Platform
from tests.hitl.kit import outside
from tests.hitl.kit.desk import set_up
from tests.hitl.kit.effects import Effects
from tests.hitl.kit.kinds import EFFECTS_URL, register_kinds
from tests.hitl.kit.scene import Scene
from tests.hitl.machine.proof_console import CHUNK
from tests.hitl.machine.proof_machine import ApprovalMachine
from tests.world import OPERATOR, World


@pytest.fixture(scope="session")
def _outside() -> Iterator[Effects]:
    server = Effects()
    os.environ[EFFECTS_URL] = server.url
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def effects(_outside: Effects) -> Iterator[Effects]:
    """The outside world, as new."""
    _outside.clear()
    yield _outside
    _outside.release.set()


@pytest.fixture(autouse=True)
def _known_kinds() -> None:
    register_kinds()


def _workflow(world: World) -> None:
    roles = [{"type": "role", "value": role} for role in ("approver", "admin")]
    for tenant in (world.acme, world.globex):
        with tenant_scope(tenant.pk):
            services.create_workflow(actor=OPERATOR, name="All", is_default=True, levels=[{"approvers": roles}])


@pytest.fixture
def scene(acme: World, effects: Effects) -> Scene:
    """One tenant with a workflow that asks any approver or admin, inside its scope."""
    _workflow(acme)
    return Scene(acme, effects)


@pytest.fixture
def live_scene(committed_world: World, effects: Effects) -> Iterator[Scene]:
    """The same, committed, for tests with several connections or processes."""
    _workflow(committed_world)
    with tenant_scope(committed_world.acme.pk):
        yield Scene(committed_world, effects)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Hints to workers go nowhere: the timers are the truth, and tests run them by hand."""
    from config.celery import app

    monkeypatch.setattr(app.conf, "broker_url", "memory://")


@pytest.fixture
def machine_at_desk(world: World, tampering: object, monkeypatch: pytest.MonkeyPatch) -> type[ApprovalMachine]:
    """The machine of the stateful test, at a desk of its own; batches stop after two decisions, so that much happens
    in the middle of one."""
    monkeypatch.setattr(work, "CHUNK", CHUNK)
    outside.register_kinds()
    ApprovalMachine.desk = set_up(world)
    ApprovalMachine.seen = Counter()
    return ApprovalMachine


@pytest.fixture
def desk(live_scene: Scene, sandbox: Platform) -> Scene:
    """The scene, connected with the sandbox platform."""
    connect_provider(actor=OPERATOR, provider="sandbox_ads", name="Main", credentials={"token": ACME_TOKEN})
    return live_scene
