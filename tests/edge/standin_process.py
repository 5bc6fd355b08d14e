"""Starts and ends the stand-ins, each as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Process = subprocess.Popen[str]


def launch(name: str, folder: Path, *options: str, port: int = 0, **environment: str) -> tuple[str, Process]:
    """Start one and return where it listens, once it says so."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"standins.{name}", f"--port={port}", f"--data={folder}", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on "), f"the {name} did not start: {line!r}"
    return line.removeprefix("listening on ").strip(), process


def end(process: Process) -> None:
    """End it, by its handle."""
    process.terminate()
    process.wait(timeout=10)
    if process.stdout:
        process.stdout.close()
