"""`manage.py verify_audit`: verify audit chains and the rows that they vouch for."""

import json
import re
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import tenants_named
from core.audit import anchors, chain, vouched
from core.clock import now
from core.errors import NotFound
from core.tenancy.scope import tenant_scope

_LINE: Final = re.compile(
    r"(?P<tenant>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) (?P<slug>[\w-]+) "
    r"(?P<seq>[1-9][0-9]{0,17}) (?P<hash>[0-9a-f]{64})",
    re.ASCII,
)
Heads = dict[UUID, dict[int, str]]


class Command(BaseCommand):
    help = (
        "Verify the audit chain of every tenant (or of one), and the rows that it vouches for, and report the first "
        "broken entry and every such row. "
        "Note the heads on another machine with --write-head, and compare with them with --head, or with the anchors "
        "that a worker writes outside the database with --anchors (without it with those in WALKER_ANCHOR_FILE, if it "
        "is on this machine): a cut tail or a rewritten chain shows only there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--tenant", default="", metavar="SLUG", help="only this tenant")
        parser.add_argument("--json", action="store_true", help="print a JSON list")
        parser.add_argument("--head", default="", metavar="FILE", help="the chains must contain the heads in this file")
        parser.add_argument(
            "--anchors", default="", metavar="FILE", help="the chains must contain the anchors in this file"
        )
        parser.add_argument("--write-head", default="", metavar="FILE", help="append the verified heads to this file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify and print; a broken chain is an error."""
        try:
            tenants = tenants_named(options["tenant"])
        except NotFound as error:
            raise CommandError(error.detail) from None
        kept, slugs = _read_heads(options["head"]) if options["head"] else ({}, {})
        own = settings.AUDIT_ANCHOR_FILE
        path = options["anchors"] or (own if own and Path(own).exists() else "")
        anchored = _read_anchors(path) if path else {}
        if not path and not kept:
            self.stderr.write("The chains were not compared with anchors outside the database: see --anchors.")
        rows = [
            _verify(tenant_id, slug, kept.get(tenant_id, {}), anchored.get(tenant_id, []))
            for tenant_id, slug in tenants
        ]
        if not options["tenant"]:
            known = {tenant_id for tenant_id, _ in tenants}
            gone = {key: slugs.get(key, str(key)) for key in (*kept, *anchored) if key not in known}
            why = "the organisation is gone, and its head was noted outside the database"
            lost: dict[str, Any] = {"ok": False, "entries": 0, "head": "", "first_bad": 1, "reason": why, "rows": []}
            rows += [{"tenant": name, **lost} for name in gone.values()]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
        else:
            for row in rows:
                where, head = row["tenant"], row["head"]
                if row["ok"]:
                    self.stdout.write(f"{where}: {row['entries']} entries verified; head {head}")
                elif row["first_bad"]:
                    self.stdout.write(f"{where}: BROKEN at entry {row['first_bad']}: {row['reason']}")
                for problem in row["rows"]:
                    self.stdout.write(f"{where}: BROKEN at {problem}")
        if not all(row["ok"] for row in rows):
            raise CommandError("At least one audit chain, or a row that it vouches for, is broken.")
        if options["write_head"]:
            _append_heads(options["write_head"], tenants, rows)


def _verify(
    tenant_id: UUID, slug: str, kept: Mapping[int, str], anchored: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    with tenant_scope(tenant_id):
        verdict = chain.verify(kept)
        # One broken row, or a broken chain, hides no other row.
        rows = [*filter(None, [anchors.first_problem(anchored)] if verdict.ok else ()), *vouched.problems()]
    # A tenant's creation is its first entry: an empty chain was emptied.
    is_empty = verdict.entries == 0 and verdict.ok
    return {
        "tenant": slug,
        "ok": verdict.ok and not is_empty and not rows,
        "entries": verdict.entries,
        "head": verdict.head,
        "first_bad": 1 if is_empty else verdict.first_bad,
        "reason": "the chain is empty" if is_empty else verdict.reason or next(iter(rows), ""),
        "rows": rows,
    }


def _read_heads(path: str) -> tuple[Heads, dict[UUID, str]]:
    """Return the heads of a file by tenant and number, and the tenants' slugs; raises `CommandError`."""
    try:
        lines = Path(path).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"{path} can't be read.") from None
    heads: Heads = {}
    slugs: dict[UUID, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise CommandError(f"Line {number} of {path} is not a head: tenant, name, number and hash.")
        tenant_id, seq = UUID(found["tenant"]), int(found["seq"])
        if heads.setdefault(tenant_id, {}).setdefault(seq, found["hash"]) != found["hash"]:
            raise CommandError(f"Line {number} of {path} has another hash for entry {seq} than a line before it.")
        slugs[tenant_id] = found["slug"]
    if not heads:
        raise CommandError(f"{path} contains no head.")
    return heads, slugs


def _read_anchors(path: str) -> dict[UUID, list[dict[str, Any]]]:
    """Return the anchors of a file, or of a log, by tenant; raises `CommandError`."""
    found: dict[UUID, list[dict[str, Any]]] = {}
    try:
        with Path(path).open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                anchor = anchors.read_line(line)
                if anchor is None:
                    raise CommandError(f"Line {number} of {path} is not an anchor.")
                found.setdefault(UUID(anchor["tenant"]), []).append(anchor)
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"{path} can't be read.") from None
    if not found:
        raise CommandError(f"{path} contains no anchor.")
    return found


def _append_heads(path: str, tenants: Sequence[tuple[UUID, str]], rows: Sequence[Mapping[str, Any]]) -> None:
    """Append a line for each tenant; what was noted before stays, and counts in the next comparison."""
    lines = [f"# {now().isoformat(timespec='seconds')}"]
    for (tenant_id, slug), row in zip(tenants, rows, strict=True):
        lines.append(f"{tenant_id} {slug} {row['entries']} {row['head']}")
    try:
        with Path(path).open("a", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
    except OSError:
        raise CommandError(f"{path} can't be written.") from None
