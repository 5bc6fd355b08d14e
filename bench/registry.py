"""Which benchmarks there are: every module of this package but this one, with the first line of its docstring."""

import ast
from pathlib import Path


def benches() -> dict[str, str]:
    """Return each benchmark's name with one sentence about it."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem in ("__init__", "registry") or path.stem.startswith("_"):
            continue
        about = ast.get_docstring(ast.parse(path.read_text())) or ""
        found[path.stem] = about.split("\n", 1)[0]
    return found


def asgi_for(name: str) -> str:
    """Return the web process's application for a benchmark: the product's, or one with a path more."""
    own = {"chat": "bench._asgi:application", "cpu": "bench._asgi:application", "ack": "bench._asgi_ack:application"}
    return own.get(name, "config.asgi:application")


def runs_alone(name: str) -> bool:
    """Tell whether a benchmark needs the database only, and would be disturbed by web, worker and beat."""
    alone = "answers approvals bus crm erasure inbox pages queue retrieval search simulation turn"
    return name in alone.split()


def makes_databases(name: str) -> bool:
    """Tell whether a benchmark makes databases beside the installation's own."""
    return name in ("inbox", "queue")
