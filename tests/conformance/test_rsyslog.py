"""The audit log as Debian's rsyslog takes it over TLS, set up as the how-to says, with OpenSSL and with GnuTLS."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from core import clock
from core.audit import chain
from core.clock import now
from integrations.siem import services, worker
from integrations.siem.models import AuditDestination
from integrations.siem.services import DestinationSettings
from tests.conformance.conftest import ROOT, TOOLS
from tests.edge.certificates import make_certificate
from tests.edge.ports import free_port
from tests.integrations.siem.conftest import head, stored, write
from tests.world import OPERATOR, World

pytestmark = [pytest.mark.long, pytest.mark.django_db]
PACKAGES = ("rsyslog", "rsyslog-openssl", "rsyslog-gnutls", "libestr0", "libfastjson4", "liblognorm5")
HOW_TO = ROOT / "docs" / "how-to" / "send-the-audit-log.md"


@pytest.fixture(scope="session")
def rsyslog() -> Path:
    """The folder of Debian's packages, unpacked once; skipped where they can't be had."""
    folder = TOOLS / "rsyslog"
    whole = folder / "installed.txt"
    if not whole.exists():
        apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg")
        if apt is None or dpkg is None:
            pytest.skip("apt-get is missing: no rsyslog")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([apt, "update", "-q"], capture_output=True, timeout=300, check=False)  # where one may
        done = subprocess.run([apt, "download", *PACKAGES], cwd=folder, capture_output=True, timeout=300, check=False)
        if done.returncode:
            pytest.skip("Debian's rsyslog can't be had here")
        for package in folder.glob("*.deb"):
            subprocess.run([dpkg, "-x", str(package), str(folder)], check=True)
        whole.write_text(" ".join(PACKAGES))
    return folder


class Rsyslog:
    """One of the machine's own, with a certificate of its own."""

    kind: ClassVar[str] = "syslog"

    def __init__(self, packages: Path, driver: str, place: Path) -> None:
        certificate, key = make_certificate(place)
        self.authority, self.port, self.file = certificate.read_text(), free_port(), place / "lines"
        self.libraries = next((packages / "usr" / "lib").glob("*-linux-gnu"))
        (config,) = re.findall(r"```\n(global\(.*?)```", HOW_TO.read_text(), re.DOTALL)
        for shown, used in {
            "/etc/rsyslog.d/ca.pem": str(certificate),
            "/etc/rsyslog.d/server.pem": str(certificate),
            "/etc/rsyslog.d/server-key.pem": str(key),
            "/var/log/walker-audit.jsonl": str(self.file),
            'port="6514"': f'port="{self.port}" address="127.0.0.1"',
            '"ossl"': f'"{driver}"',
        }.items():
            assert shown in config
            config = config.replace(shown, used)
        (place / "rsyslog.conf").write_text(config)
        self.command = [str(packages / "usr" / "sbin" / "rsyslogd"), "-n", "-f", str(place / "rsyslog.conf")]
        self.command += ["-i", str(place / "pid"), "-M", str(self.libraries / "rsyslog")]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it until it listens; it ends in order, and has then written what it has."""
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.libraries)}
        with subprocess.Popen(self.command, env=environment) as process:
            try:
                deadline = time.monotonic() + 60
                while not self.listens():
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
                yield
            finally:
                process.terminate()

    def listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def numbers(self) -> list[int]:
        """Return the numbers of the entries in its file."""
        return [json.loads(line)["seq"] for line in self.file.read_text().splitlines()]

    def add(self, world: World) -> AuditDestination:
        """Let an owner add it, for the whole log."""
        wanted = DestinationSettings("rsyslog", self.kind, f"localhost:{self.port}", authority=self.authority)
        return services.add_destination(actor=world.actor("owner"), wanted=wanted, sends_all=True)


@pytest.fixture(params=["ossl", "gtls"])
def receiver(request: pytest.FixtureRequest, rsyslog: Path, tmp_path: Path, settings: Any) -> Rsyslog:
    """One for each library of TLS, which the operator has allowed."""
    settings.SIEM_HOSTS = ["localhost"]
    return Rsyslog(rsyslog, request.param, tmp_path)


def test_whole_log_is_in_its_file_in_order_and_once(acme: World, receiver: Rsyslog) -> None:
    receiver.add(acme)
    write(1100)
    chain.record(OPERATOR, "TESTED", "tests.thing", uuid4(), facts={"long": "x" * 40_000})
    with receiver.running():
        assert worker.forward_due() == 3
        assert (stored().last_error, stored().sent_seq) == ("", head())
    assert receiver.numbers() == [*range(1, head() + 1)]
    [last] = receiver.file.read_text().splitlines()[-1:]
    assert json.loads(last)["facts"] == {"long": "x" * 40_000}


def test_log_goes_on_where_it_stopped_when_it_comes_back(acme: World, receiver: Rsyslog) -> None:
    row = receiver.add(acme)
    with receiver.running():
        services.send_test(actor=acme.actor("owner"), destination_id=row.pk)
        worker.forward_due()
    write(10)
    worker.forward_due()
    assert stored().last_error == "not_reachable"
    with receiver.running(), clock.at(now() + timedelta(hours=1)):
        worker.forward_due()
        assert stored().sent_seq == head()
    said = [json.loads(line) for line in receiver.file.read_text().splitlines()]
    assert (said[0]["action"], [each["seq"] for each in said[1:]]) == ("TEST_ENTRY", [*range(1, head() + 1)])
