"""`./walker`: its words, its help and the problems it names before it installs anything."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config.launcher import cli
from config.launcher.faults import StartError
from config.launcher.place import ROOT


def _walker(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, **more}
    command = [sys.executable, str(ROOT / "walker"), *words]
    return subprocess.run(command, cwd="/", env=environ, capture_output=True, text=True, check=False)


def test_help_names_every_command() -> None:
    said = _walker("--help").stdout
    assert all(f"    {command} " in said for command in ("run", "test", "check", "bench", "demo", "manage", "serve"))
    assert "    migrate " in said


def test_no_command_prints_help_and_fails() -> None:
    asked = _walker()
    assert (asked.returncode, "examples:" in asked.stdout) == (2, True)


def test_unknown_option_is_a_usage_error() -> None:
    assert _walker("run", "--prot", "9000").returncode == 2


def test_taken_port_is_named_before_anything_is_installed(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        asked = _walker("run", "--port", port, "--data", str(tmp_path / "d"))
    assert asked.returncode == 1
    assert "is taken by another program. Choose another one: --port" in asked.stderr


def test_port_out_of_range_is_a_sentence(tmp_path: Path) -> None:
    asked = _walker("run", "--port", "99999", "--data", str(tmp_path / "d"))
    assert (asked.returncode, "between 1 and 65535" in asked.stderr) == (1, True)


def test_unwritable_data_folder_is_a_sentence() -> None:
    asked = _walker("run", "--data", "/proc/walker")
    assert (asked.returncode, "cannot write to the data folder /proc/walker" in asked.stderr) == (1, True)


def test_demo_without_a_running_walker_is_a_sentence(tmp_path: Path) -> None:
    arguments = cli.parse(["demo", "--json", "--data", str(tmp_path / "d")])
    from config.launcher.status import demo

    with pytest.raises(StartError, match="does not run"):
        demo(arguments)


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        (["test", "-k", "wall", "-x"], ["-k", "wall", "-x"]),
        (["test", "--long", "tests/core"], ["tests/core"]),
        (["manage", "migrate", "--plan", "--data", "/d"], ["migrate", "--plan"]),
        (["bench", "chat", "--runs", "3"], ["chat", "--runs", "3"]),
    ],
)
def test_options_of_other_tools_pass_in_their_order(line: list[str], rest: list[str]) -> None:
    assert cli.parse(line).rest == rest


def test_manage_py_without_an_installation_says_what_to_do(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "WALKER_DATA": str(tmp_path / "none")}
    command = [sys.executable, str(ROOT / "manage.py"), "check"]
    asked = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (asked.returncode, "./walker run" in asked.stderr) == (1, True)
