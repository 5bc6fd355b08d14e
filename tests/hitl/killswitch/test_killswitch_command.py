"""What an operator can do from the shell when everything has to stop."""

from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from core.audit import chain
from hitl.models import GlobalKillSwitch, KillSwitch
from tests.hitl.kit.scene import Scene

KIND = "test_press_keyed"


def run(*words: str) -> str:
    out = StringIO()
    call_command("killswitch", *words, stdout=out)
    return out.getvalue()


@pytest.mark.slow
def test_operator_stops_a_tenant_and_lets_it_go_on(scene: Scene) -> None:
    approval = scene.approved()
    assert "no call is in flight" in run("activate", "--tenant", "acme", "--reason", "Leak")
    assert scene.done(approval).holds == ["kill_switch"]
    run("release", "--tenant", "acme")
    assert scene.done(approval).state == "executed"


@pytest.mark.slow
def test_operator_stops_one_kind(scene: Scene) -> None:
    approval, other = scene.approved(KIND), scene.approved("test_press_plain")
    run("activate", "--tenant", "acme", "--kind", KIND, "--reason", "Leak")
    assert (scene.done(approval).state, scene.done(other).state) == ("approved", "executed")


@pytest.mark.slow
def test_operator_stops_every_tenant(scene: Scene) -> None:
    approval = scene.approved()
    run("activate", "--global", "--reason", "Leak")
    assert scene.done(approval).state == "approved"
    assert "1 switch" in run("release", "--global")
    assert not GlobalKillSwitch.objects.filter(released_at=None).exists()


def test_list_shows_what_is_active(scene: Scene) -> None:
    run("activate", "--global", "--reason", "Leak")
    run("activate", "--tenant", "acme", "--kind", KIND, "--reason", "Typo")
    first, second = run("list").splitlines()
    assert "installation" in first
    assert second.startswith(f"acme\tkind {KIND}\t")
    assert run("list", "--tenant", "globex") == ""


def test_operator_is_named_in_the_audit(scene: Scene) -> None:
    run("activate", "--tenant", "acme", "--reason", "Leak")
    (entry,) = chain.chain_of("hitl.killswitch", KillSwitch.objects.get().pk)
    assert (entry.actor_kind, entry.actor_name) == ("system", "console-operator")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["activate", "--reason", "x"], "--tenant"),
        (["activate", "--tenant", "acme", "--global", "--reason", "x"], "not both"),
        (["activate", "--tenant", "acme"], "Say why"),
        (["activate", "--global"], "Say why"),
        (["activate", "--tenant", "nobody", "--reason", "x"], "no tenant"),
        (["activate", "--tenant", "acme", "--kind", "typo", "--reason", "x"], "no kind"),
        (["activate", "--tenant", "acme", "--agent", "typo", "--reason", "x"], "the id of an agent"),
        (["activate", "--tenant", "acme", "--connection", "typo", "--reason", "x"], "the id of a connection"),
        (["activate", "--tenant", "acme", "--connection", str(uuid4()), "--reason", "x"], "nothing to pause"),
        (["release", "--tenant", "acme"], "isn't active"),
        (["list", "--tenant", "nobody"], "no tenant"),
    ],
)
def test_what_cannot_be_done_is_an_error(scene: Scene, words: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        run(*words)
    assert not KillSwitch.objects.exists()
