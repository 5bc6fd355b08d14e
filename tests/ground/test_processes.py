"""Children: restarted when they die, stopped with their parent, found again after a killed one."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest

from config.launcher import installation, processes
from config.launcher.faults import StartError
from config.launcher.place import ROOT, Place
from config.launcher.ports import pick
from config.launcher.processes import Spec, born
from config.launcher.supervisor import Supervisor

ENV = {"PATH": "/usr/bin:/bin"}


def _spec(place: Place, name: str, *command: str) -> Spec:
    return Spec(name, command, ENV, place.logs / f"{name}.log", patience=1.0)


def _is_gone(pid: int, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while born(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not born(pid)


@pytest.mark.slow
def test_child_that_was_killed_is_started_again(place: Place, supervisor: Supervisor) -> None:
    first = supervisor.add(_spec(place, "sleeper", "sleep", "60"))
    first.kill()
    assert supervisor.watch(lambda: supervisor.children["sleeper"].process.pid != first.pid, seconds=5)


def test_child_that_keeps_ending_stops_the_start_with_its_words(place: Place, supervisor: Supervisor) -> None:
    supervisor.add(_spec(place, "broken", "sh", "-c", "echo no such table; exit 3"))
    supervisor.children["broken"].deaths = 5
    with pytest.raises(StartError, match="no such table"):
        supervisor.watch(seconds=5)


@pytest.mark.slow
def test_stubborn_child_is_killed_with_its_own_children(place: Place, supervisor: Supervisor) -> None:
    process = supervisor.add(_spec(place, "stubborn", "sh", "-c", "trap '' TERM; sleep 60 & sleep 60; sleep 60"))
    time.sleep(0.2)
    supervisor.stop_all()
    assert _is_gone(process.pid)
    asked = subprocess.run(["pgrep", "-g", str(process.pid)], check=False, capture_output=True, text=True)
    assert [pid for pid in asked.stdout.split() if born(int(pid))] == []


@pytest.mark.slow
def test_child_on_demand_starts_with_its_first_caller_and_listens_over_a_kill(
    place: Place, supervisor: Supervisor
) -> None:
    port = pick()
    folder = place.stand_ins["google_ads"]
    command = (sys.executable, "-m", "standins.google_ads", f"--port={port}", f"--data={folder}", "--public=http://x")
    spec = Spec("google_ads", command, {**ENV, "SANDBOX_GOOGLE_ADS_TOKEN": "x"}, place.logs / "google_ads.log")
    supervisor.add_on_demand(spec, port)
    supervisor.watch(seconds=0.3)
    assert supervisor.children == {}

    def health() -> str:
        """Call it while the supervisor watches."""
        with ThreadPoolExecutor(1) as pool:
            url = f"http://127.0.0.1:{port}/__health"
            answer = pool.submit(lambda: urlopen(url, timeout=30).read().decode())
            assert supervisor.watch(answer.done, seconds=30)
            return answer.result()

    assert "sandbox-google-ads" in health()
    first = supervisor.children["google_ads"].process
    first.kill()
    assert "sandbox-google-ads" in health()
    assert supervisor.children["google_ads"].process.pid != first.pid


def test_failed_command_is_told_with_its_last_words(place: Place, supervisor: Supervisor) -> None:
    with pytest.raises(StartError, match="disk on fire"):
        supervisor.run_once(_spec(place, "migrate", "sh", "-c", "echo disk on fire; exit 1"))


def _start_and_leave(place: Place, *, how: str) -> int:
    """Start a sleeper in another supervisor that ends the given way; returns the sleeper's process id."""
    code = f"""
import os, signal, sys
from pathlib import Path
from config.launcher.place import Place
from config.launcher.processes import Spec
from config.launcher.supervisor import Supervisor
place = Place(Path({str(place.path)!r}))
spec = Spec("sleeper", ["sleep", "60"], {{"PATH": "/usr/bin:/bin"}}, place.logs / "s.log")
print(Supervisor(place).add(spec).pid, flush=True)
{how}
"""
    asked = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(asked.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_kill_of_the_supervisor_takes_its_children_along(place: Place) -> None:
    pid = _start_and_leave(place, how="os.kill(os.getpid(), signal.SIGKILL)")
    assert _is_gone(pid)


def test_leftover_of_a_killed_run_is_found_and_stopped(place: Place) -> None:
    leftover = subprocess.Popen(["sleep", "60"], start_new_session=True)
    processes.note(place, {"web": leftover.pid})
    assert processes.heal(place) == ["web"]
    assert leftover.wait(5) == -signal.SIGTERM


def test_process_that_only_has_a_leftovers_number_is_left_alone(place: Place) -> None:
    place.write(place.children, {"web": [os.getpid(), "another birth"]})
    assert processes.heal(place) == []


def test_logs_are_readable_by_their_owner_only(place: Place, supervisor: Supervisor) -> None:
    supervisor.run_once(_spec(place, "quiet", "true"))
    assert Path(place.logs / "quiet.log").stat().st_mode & 0o077 == 0


def test_log_past_its_limit_keeps_one_older_part(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_LOG_LIMIT", 10)
    log = place.logs / "web.log"
    log.write_text("a line that is long\n")
    processes.trim(log)
    assert (log.read_text(), log.with_suffix(".old").read_text()) == ("", "a line that is long\n")


def test_wait_names_the_red_checks_and_none_once_it_is_ready(place: Place, supervisor: Supervisor) -> None:
    answers = {
        "of a web process that starts": (0, "", "the web process"),
        "red": (503, '{"checks": {"redis": {"ok": false}, "database": {"ok": true}}, "alerts": {}}', "redis"),
        "ready without a worker": (200, '{"checks": {}, "alerts": {"worker": {"ok": false}}}', "worker"),
        "of a proxy": (502, "<html>", "/readyz, which answers 502"),
        "green since the last look": (200, '{"checks": {"redis": {"ok": true}}, "alerts": {}}', ""),
    }
    told = {}
    for case, (status, text, _) in answers.items():
        with _answering(status, text) as port:
            started = installation.Installation(supervisor, "127.0.0.1", port, demo=False)
            # No seconds at all, so that nothing is seen before the wait is over.
            told[case] = started.wait_until_ready(0.0)
    assert told == {case: expected for case, (_, _, expected) in answers.items()}


@contextmanager
def _answering(status: int, text: str) -> Iterator[int]:
    """A web process that answers everything alike, or none if the status is 0; returns the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Keep the tests' output clean."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if status:
            threading.Thread(target=server.handle_request, daemon=True).start()
        else:
            server.server_close()
        yield server.server_port


@pytest.mark.slow
def test_start_after_an_upgrade_says_that_rules_are_not_sealed_and_no_other_start_does(
    place: Place,
    supervisor: Supervisor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = tmp_path / "manage.py"
    script.write_text(
        "import sys\nsys.exit('CommandError: 2 rules are not sealed.' if 'seal_rules' in sys.argv else 0)"
    )
    monkeypatch.setattr(installation, "_MANAGE", str(script))
    settings = {**ENV, "DATABASE_OWNER_URL": "postgresql://"}
    started = installation.Installation(supervisor, "127.0.0.1", 1, demo=False, environment=settings)
    told = []
    for migrated in ([], ["of the version before"], None):
        if migrated is not None:
            place.update_state(migrated=migrated)
        started.migrate()
        told.append("2 rules are not sealed.\nList them: ./walker manage seal_rules " in capsys.readouterr().out)
    assert told == [False, True, False]


@pytest.mark.parametrize(("start", "left"), [([], "left\n"), (["nohup"], "stayed\n")])
def test_closed_terminal_ends_the_command_unless_nohup_started_it(start: list[str], left: str) -> None:
    code = """
import os, signal
from config.launcher.supervisor import stop_on_signals
stop_on_signals()
try:
    os.kill(os.getpid(), signal.SIGHUP)
    print("stayed")
except KeyboardInterrupt:
    print("left")
"""
    # The tests may themselves run under `nohup`, whose children ignore the signal as well.
    usual = partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)
    command = [*start, sys.executable, "-c", code]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, preexec_fn=usual)
    assert told.stdout == left
