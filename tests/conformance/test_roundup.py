"""The contract of ticket systems, held by a real Roundup behind a door that can make its answers go wrong."""

import getpass
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from core.errors import Unavailable
from integrations.calls.answers import CleanFailure, Ok
from integrations.ticketing import selectors
from integrations.ticketing.types import Comment
from standins.store import Document
from standins.tickets import Counter
from standins.web import Content, StandInHandler, StandInServer
from tests.conformance.conftest import serving, vendor_package
from tests.edge.ports import free_port
from tests.edge.tickets_fixture import CREATES, CUSTOMER, TicketServer
from tests.integrations.ticketing.conftest import Desk
from tests.integrations.ticketing.test_port import INTERNAL, KEY, NEW, TicketContract, at_once, value

pytestmark = pytest.mark.long
TRACKERS = ("acme", "globex")
SCHEMA = 'issue = IssueClass(db, "issue",'
PROPERTIES = " walker_request=String(), walker_customer=String(),"
ROLE = """
db.security.addRole(name="Walker")
db.security.addPermissionToRole("Walker", "Retire", "issue")
"""
PEOPLE = """
create user username=walker password=walker-acme address=walker@acme.example roles=User,Walker
create user username=colleague password=colleague-acme address=colleague@acme.example roles=User
create user username=carla address={customer} roles=User
commit
"""
SOLVED = 'create issue "title=Where is my invoice?" status=resolved walker_customer={customer}\ncommit\n'
OPEN = 'create issue "title=The left boot leaks" status=in-progress walker_customer={customer} nosy=carla\ncommit\n'


@dataclass(frozen=True)
class Tracker(TicketServer):
    """A running Roundup with a tracker for each tenant; `url` is its door."""

    home: Path

    def credentials(self, account: str = "acme") -> dict[str, str]:
        return {"url": f"{self.url}/{account}", "username": "walker", "password": "walker-acme"}

    def created(self) -> int:
        return int(self.ask("select count(*) from _issue where _walker_request is not null and __retired__ = 0"))

    def comments(self) -> list[dict[str, Any]]:
        seeded = "select id from _issue where _walker_request is null"
        count = self.ask(f"select count(*) from issue_messages where nodeid in ({seeded})")
        return [{"detail": {"public": self.mails() != ""}}] * int(count)

    def mails(self) -> str:
        """Return the mails that were sent."""
        mails = self.home / "mails"
        return mails.read_text() if mails.exists() else ""

    def reset(self) -> None:
        super().reset()
        for tracker in TRACKERS:
            shutil.rmtree(self.home / tracker / "db")
            shutil.copytree(self.home / f"{tracker}-seed", self.home / tracker / "db")
        (self.home / "mails").unlink(missing_ok=True)

    def ask(self, question: str) -> Any:
        """Return the one value of a row of the first tracker's database."""
        with closing(sqlite3.connect(self.home / "acme" / "db" / "db")) as database:
            return database.execute(question).fetchone()[0]

    def deed(self, method: str, path: str, body: object = None, user: str = "colleague") -> Any:
        """Do something in the first tracker as another user."""
        return by_hand(self.url, f"{self.url}/acme/rest/data/{path}", method, body, user)


def by_hand(door: str, url: str, method: str, body: object = None, user: str = "colleague") -> Any:
    """Make a request to a tracker that has its address from its door; a change is made to what is there now."""
    headers = {"Origin": door, "Host": door.removeprefix("http://"), "X-Requested-With": "by hand"}
    with httpx2.Client(auth=(user, f"{user}-acme"), headers=headers, trust_env=False, timeout=30) as client:
        if method in ("PATCH", "DELETE"):
            client.headers["If-Match"] = client.get(url).headers["ETag"]
        answer = client.request(method, url, json=body)
    assert answer.status_code < 300, answer.text
    return answer.json()["data"]


class Door(StandInHandler):
    """Passes each request on to Roundup, unless a rule of the failure script says otherwise."""

    name = "roundup-door"

    def do_PATCH(self) -> None:  # noqa: N802  (the name that http.server looks for)
        self._answer()

    def answer(self, path: str, query: str, body: Document) -> tuple[int, Document | Content]:
        self.server.counter.add(f"{self.command} {path}")
        headers = {name: text for name, text in self.headers.items() if name.lower() != "content-length"}
        url, content = self.server.behind + self.path, json.dumps(body) if body else None
        got = httpx2.request(self.command, url, content=content, headers=headers, trust_env=False, timeout=30)
        self.more_headers = {"ETag": got.headers["ETag"]} if "ETag" in got.headers else {}
        return got.status_code, (got.headers["Content-Type"], got.content)

    def change(self, wanted: Document) -> Document:
        found: Document = by_hand(f"http://{self.headers['Host']}", self.server.behind + self.path, "PATCH", wanted)
        return found

    def control(self, path: str, body: Document) -> tuple[int, Document]:
        return 200, {"items": self.server.counter.take()}


class DoorServer(StandInServer):
    """The door, and where Roundup is behind it."""

    def __init__(self, behind: str) -> None:
        self.behind, self.counter = behind, Counter()
        super().__init__(("127.0.0.1", 0), Door)

    def reset(self) -> None:
        super().reset()
        self.counter.take()


def make_tracker(home: Path, url: str, admin: list[str], environment: dict[str, str]) -> None:
    """Install the classic template with sqlite, as the how-to says, and fill the first tracker."""

    def run(*command: str, text: str = "") -> None:
        whole = [*admin, "-i", str(home), *command]
        done = subprocess.run(whole, input=text, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    options = {
        "admin_email": "admin@acme.example", "mail_domain": "acme.example", "mail_host": "127.0.0.1",
        "tracker_web": f"{url}/{home.name}/", "password_pbkdf2_default_rounds": "1000",
    }  # fmt: skip
    run("install", "classic", "sqlite", ",".join(f"{name}={text}" for name, text in options.items()))
    schema = home / "schema.py"
    schema.write_text(schema.read_text().replace(SCHEMA, SCHEMA + PROPERTIES) + ROLE)
    run("initialise", "admin-acme")
    run(text=PEOPLE.format(customer=CUSTOMER))
    if home.name == "acme":
        run(text=SOLVED.format(customer=CUSTOMER))
        time.sleep(1)  # its times have whole seconds
        run(text=OPEN.format(customer=CUSTOMER))
    shutil.copytree(home / "db", home.parent / f"{home.name}-seed")


@pytest.fixture(scope="session")
def roundup_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    """One Roundup for the whole session; its state is that of the tests before."""
    package, home, port = vendor_package("roundup==2.6.0"), tmp_path_factory.mktemp("roundup"), free_port()
    environment = {**os.environ, "PYTHONPATH": str(package), "SENDMAILDEBUG": str(home / "mails")}
    door = DoorServer(f"http://127.0.0.1:{port}")
    url = f"http://127.0.0.1:{door.server_port}"
    scripts = [sys.executable, "-m"]
    for tracker in TRACKERS:
        make_tracker(home / tracker, url, [*scripts, "roundup.scripts.roundup_admin"], environment)
    server = [*scripts, "roundup.scripts.roundup_server", "-u", getpass.getuser(), "-n", "127.0.0.1", "-p", str(port)]
    threading.Thread(target=door.serve_forever, daemon=True).start()
    command = ["env", f"PYTHONPATH={package}", f"SENDMAILDEBUG={home / 'mails'}", *server]
    try:
        with serving([*command, *(f"{name}={home / name}" for name in TRACKERS)], door.behind, home / "log") as _:
            yield Tracker("roundup", url, None, home)  # type: ignore[arg-type]
    finally:
        door.shutdown()
        door.server_close()


@pytest.fixture
def roundup(roundup_process: Tracker, settings: Any) -> Tracker:
    """Roundup as after its first start, in our own network."""
    roundup_process.reset()
    settings.ROUNDUP_HOSTS = ["127.0.0.1"]
    return roundup_process


class TestRoundup(TicketContract):
    """Roundup's own: an issue is changed only as it was read, and messages are mailed to nobody."""

    name = "roundup"
    secret = "password"

    def test_comment_is_mailed_to_nobody_although_others_are(self, there: Desk) -> None:
        tracker: Any = there.server
        number = self.first().number
        assert value(self.client().comment(number, INTERNAL, KEY)) is True
        assert tracker.mails() == ""
        message = tracker.deed("POST", "msg", {"content": "We mend it.", "author": "colleague", "date": "."})
        tracker.deed("PATCH", f"issue/{number}", {"@op": "add", "messages": [message["id"]]})
        assert CUSTOMER in tracker.mails()
        failed = self.client().comment(number, Comment("Hello", is_internal=False), KEY)
        assert isinstance(failed, CleanFailure)
        assert failed.code == "internal_only"

    def test_issue_that_changed_meanwhile_is_read_again(self, there: Desk) -> None:
        number = self.first().number
        there.server.requests()
        there.server.script("PATCH /acme/rest/data/issue/", "change_before", change={"status": "need-eg"})
        assert value(self.client().comment(number, INTERNAL, KEY)) is True
        tries = [line for line in there.server.requests() if line.startswith("PATCH")]
        assert (len(tries), len(there.server.comments())) == (2, 1)
        assert value(self.client().get(number)).status == "waiting"

    def test_issue_that_changes_all_the_time_is_a_clean_failure(self, there: Desk) -> None:
        number = self.first().number
        for title in ("One", "Two", "Three"):
            there.server.script("PATCH /acme/rest/data/issue/", "change_before", change={"title": title})
        failed = self.client().comment(number, INTERNAL, KEY)
        assert isinstance(failed, CleanFailure)
        assert (failed.code, failed.retry, there.server.comments()) == ("http_412", True, [])

    def test_two_workers_with_one_key_add_one_comment(self, there: Desk) -> None:
        number, both = self.first().number, [self.client(attempts=1) for _ in range(2)]
        answers = at_once(both, lambda client: client.comment(number, INTERNAL, KEY))
        assert [isinstance(one, Ok) for one in answers] == [True, True]
        assert len(there.server.comments()) == 1

    def test_later_of_two_issues_with_one_key_is_retired(self, there: Desk) -> None:
        there.server.script(CREATES[self.name], "stall", seconds=5)
        both = [self.client(attempts=1) for _ in range(2)]
        answers = at_once(both, lambda client: value(client.create(NEW, KEY)))
        assert answers[0].number == answers[1].number
        assert there.server.created() == 1
        assert [line for line in there.server.requests() if line.startswith("DELETE")] != []

    def test_retired_issue_reads_as_none(self, there: Desk) -> None:
        tracker: Any = there.server
        number = self.first().number
        tracker.deed("DELETE", f"issue/{number}", user="walker")
        assert value(self.client().get(number)) is None

    def test_summary_names_what_the_tracker_lacks(self, there: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        linked = selectors.connection()
        with linked.open() as client:
            assert linked.platform.summary(client) == "Roundup · issues"
            monkeypatch.setattr("integrations.roundup.client.CUSTOMER", "walker_other")
            with pytest.raises(Unavailable, match="walker_request"):
                linked.platform.summary(client)
