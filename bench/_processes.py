"""What the processes of an installation have used: CPU time and memory, with all below each of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def families() -> dict[str, list[int]]:
    """Return the process ids of each part of the environment's installation."""
    kept = json.loads((Path(os.environ["WALKER_DATA"]) / "children.json").read_text())
    return {name: [pid, *descendants(pid)] for name, (pid, _mark) in kept.items()}


def descendants(pid: int) -> list[int]:
    """Return the numbers of all processes below one."""
    try:
        children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []  # it ended since
    return [one for child in children for one in (child, *descendants(child))]


def pss(pid: int) -> float:
    """Return a process's proportional set size in MB: its own pages, and its share of the common ones."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000 * 1.024


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU time of processes and of their children that have ended."""
    spent = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue  # it ended since: its parent has its time
        spent += sum(int(field) for field in fields[11:15])
    return spent / _TICKS


def cpu_by_part() -> dict[str, float]:
    """Return the CPU time of each part of the installation so far."""
    return {name: cpu_seconds(pids) for name, pids in families().items()}
