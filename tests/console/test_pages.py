"""Every page of the console opens for an admin, in both shapes, with rows and without."""

import pytest

from tests.console.conftest import Browser
from tests.console.scene import build_scene
from tests.world import World

pytestmark = pytest.mark.django_db
LISTS = [
    "/admin/hitl/approval/",
    "/admin/hitl/approvalworkflow/",
    "/admin/conversations/conversation/",
    "/admin/conversations/channelaccount/",
    "/admin/agents/agent/",
    "/admin/agents/agentrun/",
    "/admin/core/auditentry/",
    "/admin/core/deadletter/",
    "/admin/accounts/membership/",
    "/admin/accounts/apikey/",
]


@pytest.mark.parametrize("path", LISTS)
def test_list_without_rows_opens(browser: Browser, path: str) -> None:
    assert browser("admin").get(path).status_code == 200


@pytest.mark.parametrize("path", LISTS)
def test_list_with_rows_opens(browser: Browser, world: World, path: str) -> None:
    build_scene(world)
    assert browser("admin").get(path).status_code == 200


@pytest.mark.parametrize("name", ["approval", "decided", "conversation"])
def test_page_of_one_opens(browser: Browser, world: World, name: str) -> None:
    scene = build_scene(world)
    assert browser("admin").get(scene.path(name)).status_code == 200
