"""Independent servers that judge our clients: Prism with the vendors' descriptions, a stateful Twilio, OAuth 2."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.edge.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
# Kept between runs: the packages are large. Nothing of them is part of the product.
TOOLS = Path(os.environ.get("WALKER_NODE_TOOLS", ROOT / ".walker" / "conformance"))
PACKAGES = ("@stoplight/prism-cli@5.14.2", "emulate@0.12.2", "node@24", "oidc-provider@9.13.3")
SPECS = os.environ.get("WALKER_SPECS", "")
ACCOUNT, TOKEN = "AC00000000000000000000000000000000", "twilio_test_auth_token"
OURS = "whatsapp:+14155238886"


@pytest.fixture(scope="session")
def node_tools() -> Path:
    """The folder of the independent servers, installed once; skipped where npm is missing or reaches nothing."""
    wanted = TOOLS / "installed.json"
    if wanted.exists() and json.loads(wanted.read_text()) == list(PACKAGES):
        return TOOLS
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is missing: no independent servers")
    TOOLS.mkdir(parents=True, exist_ok=True)
    (TOOLS / "package.json").write_text('{"private": true}')
    command = [npm, "install", "--no-audit", "--no-fund", *PACKAGES]
    done = subprocess.run(command, cwd=TOOLS, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip("npm could not install the independent servers")
    wanted.write_text(json.dumps(PACKAGES))
    return TOOLS


def vendor_package(wanted: str) -> Path:
    """Return a folder with a vendor's Python package and all that it needs, installed once; skips where it can't be."""
    folder = TOOLS / wanted.replace("==", "-")
    whole = folder / "installed.txt"
    if not whole.exists():
        install = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), wanted]
        done = subprocess.run(install, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            pytest.skip(f"{wanted} can't be installed here")
        whole.write_text(wanted)
    return folder


def run_judge(name: str, package: Path, *given: str, text: str = "") -> str:
    """Run a program of `judges` with a vendor's package, and return what it says."""
    command = [sys.executable, str(Path(__file__).with_name("judges") / f"{name}.py"), *given]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@contextmanager
def serving(command: list[str], url: str, log: Path, *, seconds: float = 90) -> Iterator[str]:
    """Run a server until it answers, and end it afterwards."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            deadline = time.monotonic() + seconds
            while not _answers(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(log.read_text()[-2000:])
                time.sleep(0.3)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:  # it waits for its own connections; nothing of it is needed any more
                process.kill()


def _answers(url: str) -> bool:
    try:
        httpx2.get(url, trust_env=False, verify=False, timeout=2)
    except httpx2.TransportError:
        return False
    return True


@pytest.fixture(scope="session")
def prism(node_tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The vendor's own description, served by Prism, which refuses what the description refuses."""
    if not SPECS:
        pytest.skip("WALKER_SPECS is not set: the vendors' descriptions are not here")
    port, log = free_port(), tmp_path_factory.mktemp("prism") / "log"
    tool = str(node_tools / "node_modules" / ".bin" / "prism")
    description = str(Path(SPECS) / "twilio_messages.json")
    command = [tool, "mock", "-p", str(port), "-h", "127.0.0.1", "--errors", description]
    with serving(command, f"http://127.0.0.1:{port}", log) as url:
        yield url


@pytest.fixture(scope="session")
def meta_prism(node_tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Meta's own description of the WhatsApp API, served by Prism."""
    if not SPECS:
        pytest.skip("WALKER_SPECS is not set: the vendors' descriptions are not here")
    port, log = free_port(), tmp_path_factory.mktemp("meta-prism") / "log"
    tool = str(node_tools / "node_modules" / ".bin" / "prism")
    description = str(Path(SPECS) / "whatsapp_cloud_v23.yaml")
    command = [tool, "mock", "-p", str(port), "-h", "127.0.0.1", "--errors", description]
    with serving(command, f"http://127.0.0.1:{port}", log) as url:
        yield url


@pytest.fixture
def emulator(node_tools: Path, tmp_path: Path, live_server: Any) -> Iterator[str]:
    """A stateful Twilio with our number, whose signed webhooks go to the live server's door."""
    port = free_port()
    number = {"phone_number": OURS, "sms_url": f"{live_server.url}/channels/whatsapp/webhook/"}
    account = {"sid": ACCOUNT, "auth_token": TOKEN}
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"twilio": {"account": account, "phone_numbers": [number]}}))
    modules = node_tools / "node_modules"
    command = [str(modules / "node" / "bin" / "node"), str(modules / "emulate" / "dist" / "index.js")]
    command += ["start", "-p", str(port), "-s", "twilio", "--seed", str(seed)]
    with serving(command, f"http://127.0.0.1:{port}", tmp_path / "log") as url:
        yield url
