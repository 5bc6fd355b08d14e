"""A process that looks at pages of one database when it is told to, through Django's own test client."""

import json
import os
import re
import subprocess
import sys
import time
from typing import Any

import django

django.setup()

from django.core.cache import cache  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.models import User  # noqa: E402
from core.observability.garbage_collector import freeze_loaded_objects  # noqa: E402
from core.tenancy.scope import tenant_scope  # noqa: E402

_PREFIX = re.compile(r"^(set local [^;]*;\s*)+", re.IGNORECASE)
_COUNTED = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter")


class Looker:
    """The other end of such a process: asks it and reads its answer."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Start the process with the environment of an installation."""
        command = [sys.executable, "-m", "bench._looker"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)

    def ask(self, **asked: Any) -> Any:
        """Return what the process answers; raises when it has ended."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the looking process has ended")
        return json.loads(line)

    def look(self, path: str, words: str = "") -> float:
        """Return the seconds that a page took, with nothing in the application's cache; `words` are searched for."""
        return float(self.ask(path=path, words=words)["seconds"])

    def end(self) -> None:
        """Let the process end."""
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait(timeout=20)


class Visitor:
    """An approver's browser and the key of a program, of one tenant."""

    def __init__(self, asked: dict[str, Any]) -> None:
        """Sign in."""
        self.tenant, self.headers = asked["tenant"], {"authorization": f"Bearer {asked['key']}"}
        self.browser = Client(HTTP_HOST="127.0.0.1")
        self.browser.force_login(User.objects.get(email=asked["email"]))

    def look(self, path: str, words: str = "") -> float:
        """Fetch a page, or what a search that is posted to it leads to, and return the seconds it took."""
        headers = self.headers if path.startswith("/api/") else {}
        cache.clear()
        began = time.perf_counter()
        if words:
            answer = self.browser.post(path, {"words": words}, follow=True)
        else:
            answer = self.browser.get(path, headers=headers)
        spent = time.perf_counter() - began
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answers {answer.status_code}")
        # The test client ties an answer to itself; one that was served is let go at once, with its rows.
        vars(answer).pop("json")
        return spent

    def queries(self, path: str, words: str = "") -> list[str]:
        """Return the statements of a page."""
        with CaptureQueriesContext(connection):
            connection.queries_log.clear()
            self.look(path, words)
            return [str(query["sql"]) for query in connection.queries_log]

    def plans(self, path: str, words: str = "") -> list[dict[str, Any]]:
        """Return for each reading statement of a page how many rows its busiest step took in hand, and its plan."""
        return [
            {"rows": rows, "step": step, "sql": sql}
            for sql in map(_bare, self.queries(path, words))
            if sql.lower().startswith(("select", "(select", "execute", "with"))
            for rows, step in [self._explained(sql)]
        ]

    def _explained(self, sql: str) -> tuple[int, str]:
        with tenant_scope(self.tenant), connection.cursor() as cursor:
            cursor.execute(f"explain (analyze, format json) {sql.replace('%', '%%')}", [])
            return busiest_step(cursor.fetchone()[0])


def busiest_step(explained: Any) -> tuple[int, str]:
    """Return how many rows the busiest step of an explained statement took in hand, and which step that is."""
    plan = json.loads(explained) if isinstance(explained, str) else explained
    return max(_steps(plan[0]["Plan"]))


def _bare(sql: str) -> str:
    return _PREFIX.sub("", sql.strip())


def _steps(node: dict[str, Any]) -> list[tuple[int, str]]:
    rows = sum(float(node.get(name, 0)) for name in _COUNTED) * float(node.get("Actual Loops", 1))
    name = " ".join(str(node[key]) for key in ("Node Type", "Relation Name", "Index Name") if key in node)
    return [(round(rows), name), *[step for child in node.get("Plans", ()) for step in _steps(child)]]


def serve() -> None:
    """Answer one line after the other until there are no more."""
    connection.force_debug_cursor = False
    visitor = Visitor(json.loads(sys.stdin.readline()))
    freeze_loaded_objects()
    print(json.dumps({"ready": os.getpid()}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        place = (asked["path"], asked.get("words", ""))
        if asked.get("plans"):
            answer: Any = visitor.plans(*place)
        elif asked.get("count"):
            answer = {"queries": len(visitor.queries(*place))}
        else:
            answer = {"seconds": visitor.look(*place)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
