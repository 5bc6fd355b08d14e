"""Installing the locks into .venv: by uv, by pip where uv cannot, and never a file that is not in the lock."""

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.launcher.faults import StartError
from config.launcher.packages import Packages

pytestmark = pytest.mark.slow

UV = Path(sys.executable).with_name("uv")


class Shelf:
    """A folder of wheels in place of an index, and a checkout whose locks name them."""

    def __init__(self, folder: Path) -> None:
        self.wheels = folder / "wheels"
        self.root = folder / "checkout"
        self.wheels.mkdir()
        (self.root / "locks").mkdir(parents=True)
        self.packages = Packages(self.root)

    def put(self, name: str, version: str, files: dict[str, bytes]) -> str:
        """Make a wheel and return the line that names it in a lock."""
        info = f"{name}-{version}.dist-info"
        about = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "".join(f"{path},,\n" for path in (*files, *(f"{info}/{n}" for n in ("METADATA", "WHEEL")))),
        }
        path = self.wheels / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for inside, content in {**files, **{f"{info}/{n}": text.encode() for n, text in about.items()}}.items():
                entry = zipfile.ZipInfo(inside)
                entry.external_attr = 0o100755 << 16  # a file that may be executed
                wheel.writestr(entry, content)
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"

    def put_uv(self, program: bytes, version: str) -> None:
        """Make a wheel of an installer and the lock that names it."""
        line = self.put("uv", version, {f"uv-{version}.data/scripts/uv": program})
        (self.root / "locks" / "uv.txt").write_text(line)

    def install(self, lock: str, dev: str = "") -> None:
        """Install a lock that is not the last one; with `dev`, that of tests and checks as well."""
        (self.root / "requirements.txt").write_text(lock)
        for name in ("embedded", "telemetry", "backup"):
            (self.root / "locks" / f"{name}.txt").write_text("# nothing of it comes along\n")
        (self.root / "locks" / "dev.txt").write_text(dev)
        self.packages.install("dev" if dev else "runtime")

    def version(self, name: str) -> str:
        """Return which version of a package the environment has; "" for none."""
        if not self.packages.python.exists():
            return ""
        code = f"import importlib.metadata as m; print(m.version({name!r}))"
        asked = subprocess.run([str(self.packages.python), "-c", code], capture_output=True, text=True, check=False)
        return asked.stdout.strip()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """One checkout for the tests below; each names another version of its package."""
    with pytest.MonkeyPatch.context() as patch:
        made = Shelf(tmp_path_factory.mktemp("packages"))
        for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(made.wheels))
        patch.setenv("UV_CACHE_DIR", str(made.root / "uv-cache"))
        yield made


def test_lock_is_installed_by_uv_from_where_pip_is_told_to_look(shelf: Shelf) -> None:
    shelf.put_uv(UV.read_bytes(), "1.0")
    shelf.install(shelf.put("parcel", "1.0", {"parcel.py": b""}))
    assert shelf.version("parcel") == "1.0"
    assert "Prepared 1 package" in shelf.packages.log.read_text()


def test_installed_lock_is_left_alone(shelf: Shelf) -> None:
    shelf.put_uv(UV.read_bytes(), "1.0")
    shelf.install(shelf.put("parcel", "1.0", {"parcel.py": b""}))
    before = shelf.packages.log.stat().st_mtime_ns
    shelf.packages.install("runtime")
    assert shelf.packages.log.stat().st_mtime_ns == before


def test_file_that_is_not_in_the_lock_is_refused_and_not_tried_again(shelf: Shelf) -> None:
    before = shelf.version("parcel")
    shelf.put_uv(UV.read_bytes(), "1.0")
    shelf.put("parcel", "2.0", {"parcel.py": b"changed"})
    with pytest.raises(StartError, match="does not match its hash"):
        shelf.install(f"parcel==2.0 --hash=sha256:{'0' * 64}\n")
    assert shelf.version("parcel") == before
    assert "Successfully installed parcel" not in shelf.packages.log.read_text()


def test_pip_installs_where_uv_has_no_wheel(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    (shelf.root / "locks" / "uv.txt").write_text(f"uv==9.9 --hash=sha256:{'0' * 64}\n")
    shelf.install(shelf.put("parcel", "3.0", {"parcel.py": b""}))
    assert (shelf.version("parcel"), "pip does" in capsys.readouterr().out) == ("3.0", True)


@pytest.mark.parametrize(
    ("program", "version", "words"),
    [
        (b"#!/bin/sh\necho this machine is too old for me\nexit 2\n", "4.0", "too old for me"),
        (b"#!/nowhere/loader\n", "4.1", "No such file"),
    ],
)
def test_pip_installs_where_uv_fails(shelf: Shelf, program: bytes, version: str, words: str) -> None:
    shelf.put_uv(program, version)
    shelf.install(shelf.put("parcel", version, {"parcel.py": b""}))
    assert shelf.version("parcel") == version
    assert words in shelf.packages.log.read_text()


@pytest.mark.parametrize(("is_with_uv", "version"), [(True, "6.0"), (False, "6.1")])
def test_tests_and_checks_get_the_products_packages_and_their_own(
    shelf: Shelf, is_with_uv: bool, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.put_uv(UV.read_bytes(), version)
    if not is_with_uv:
        (shelf.root / "locks" / "uv.txt").write_text(f"uv==9.9 --hash=sha256:{'0' * 64}\n")
    parcel, tool = (shelf.put(name, version, {f"{name}.py": b""}) for name in ("parcel", "tool"))
    shelf.install(parcel, dev=tool)
    assert (shelf.version("parcel"), shelf.version("tool")) == (version, version)
    assert ("pip does" in capsys.readouterr().out) is not is_with_uv


def test_installer_that_is_not_in_its_lock_is_refused(shelf: Shelf) -> None:
    before = shelf.version("parcel")
    shelf.put_uv(UV.read_bytes(), "4.5")
    (shelf.root / "locks" / "uv.txt").write_text(f"uv==4.5 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(StartError, match="does not match its hash"):
        shelf.install(shelf.put("parcel", "5.0", {"parcel.py": b""}))
    assert shelf.version("parcel") == before


def test_package_that_cannot_be_fetched_is_a_sentence_about_the_index(shelf: Shelf) -> None:
    shelf.put_uv(UV.read_bytes(), "5.0")
    with pytest.raises(StartError, match="the package index cannot be reached or does not have them"):
        shelf.install(f"nowhere==1.0 --hash=sha256:{'0' * 64}\n")


def test_compiled_modules_are_kept_though_none_may_lie_beside_the_code(tmp_path: Path) -> None:
    (tmp_path / "parcel.py").write_text("")
    packages = Packages(tmp_path)
    given = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    environment = packages.environment({**given, "PYTHONDONTWRITEBYTECODE": "1"})
    subprocess.run([sys.executable, "-c", "import parcel"], env=environment, cwd=tmp_path, check=True)
    assert [path.name.split(".")[0] for path in (packages.venv / "bytecode").rglob("parcel.*")] == ["parcel"]
    assert not (tmp_path / "__pycache__").exists()


def test_own_choice_of_where_compiled_modules_lie_is_kept(tmp_path: Path) -> None:
    own = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/srv/cache"}
    assert Packages(tmp_path).environment(own) == {"PYTHONPYCACHEPREFIX": "/srv/cache"}
    assert Packages(tmp_path).environment({"HOME": "/root"}) == {"HOME": "/root"}
