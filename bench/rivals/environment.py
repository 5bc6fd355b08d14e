"""The rivals' libraries in an environment of their own, made from a hashed lock: none of them reaches the product."""

import hashlib
import os
import subprocess
import sys
import venv

from bench._surroundings import ROOT, say

FOLDER = ROOT / ".venv-bench"
LOCK = ROOT / "requirements-bench.txt"
_STAMP = FOLDER / "made-from"


def python() -> str:
    """Return the interpreter of the rivals' environment; makes it when it is not there."""
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    found = FOLDER / "bin" / "python"
    if not _STAMP.exists() or _STAMP.read_text() != wanted:
        say("Installing the other engines, for the benchmark only (once)")
        venv.create(FOLDER, clear=True, with_pip=True)
        install = [str(found), "-m", "pip", "install", "-q", "--require-hashes", "--no-deps", "-r", str(LOCK)]
        subprocess.run(install, check=True, stdin=subprocess.DEVNULL, env={**os.environ, "PIP_NO_INPUT": "1"})
        _STAMP.write_text(wanted)
    return str(found)
