"""`manage.py evals run`: let an agent answer cases without effect, and say by the exit code whether they pass."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseFault
from redis import RedisError

from accounts.models import Membership, Tenant
from accounts.selectors import tenant_named
from accounts.services import actor_for_user
from agents.models import Agent, AgentVersion
from agents.studio.evals.case_services import LARGEST_FILE, query_cases, read_file
from agents.studio.evals.cases import Case
from agents.studio.evals.runs import run_case
from agents.studio.trials.answers import check_can_try
from agents.studio.trials.speakers import TRY
from agents.studio.trials.turns import version_to_try
from core.actors import Actor
from core.errors import WalkerError
from core.ids import uuid7
from core.tenancy.scope import platform_scope, tenant_scope

BAD_INPUT: Final = 2
MUST_FAILED: Final = 1


class Command(BaseCommand):
    help = "Let an agent answer cases without effect. Exit code: 0 all musts pass, 1 a must fails, 2 bad input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["run"])
        parser.add_argument("--agent", required=True, metavar="ID", help="the agent's id, or its name")
        parser.add_argument("--cases", default="", metavar="FILE", help="a file of cases; without it those kept")
        parser.add_argument("--tenant", default="", metavar="SLUG", help="needed if there are several")
        parser.add_argument("--person", default="", metavar="EMAIL", help="acts as this member; else as an owner")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the cases, print what they showed, and end with the exit code."""
        try:
            found = _run(options)
        except WalkerError as error:
            fields = error.facts.get("fields", {})
            reasons = [f"{name}: {' '.join(texts)}" for name, texts in fields.items()] if fields else []
            raise CommandError(" ".join([error.detail, *reasons]), returncode=BAD_INPUT) from error
        except (DatabaseFault, RedisError) as error:  # 1 would say that a case failed
            problem = "The database or Redis can't be reached. Is Walker set up here?"
            raise CommandError(problem, returncode=BAD_INPUT) from error
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
        else:
            for line in _lines(found):
                self.stdout.write(line)
        if found["failed_musts"]:
            raise SystemExit(MUST_FAILED)


def _run(options: dict[str, Any]) -> dict[str, Any]:
    with tenant_scope(_tenant(options["tenant"])):
        actor = _actor(options["person"])
        actor.require(TRY)
        version = version_to_try(_agent(options["agent"]))
        check_can_try(version)
        cases = _file(options["cases"]) if options["cases"] else _kept(actor, version)
        results = [_result(case, version, actor) for case in cases]
    passed = sum(result["passed"] for result in results)
    return {
        "agent": str(version.agent_id),
        "version": version.number,
        "revision": version.revision,
        "is_draft": version.is_draft,
        "passed": passed,
        "failed": len(results) - passed,
        "failed_musts": sum(result["must"] and not result["passed"] for result in results),
        "cases": results,
    }


def _tenant(slug: str) -> UUID:
    if slug:
        return tenant_named(slug)
    with platform_scope():
        found = list(Tenant.objects.filter(is_active=True).values_list("pk", flat=True)[:2])
    if len(found) != 1:
        raise CommandError("Name the organisation: --tenant SLUG.", returncode=BAD_INPUT)
    return found[0]


def _actor(email: str) -> Actor:
    rows = Membership.objects.filter(is_active=True, user__is_active=True).select_related("user").order_by("pk")
    wanted = rows.filter(user__email__iexact=email) if email else rows.filter(role=Membership.Role.OWNER)
    member = wanted.first()
    if member is None:
        raise CommandError("There is no such member. Name one: --person EMAIL.", returncode=BAD_INPUT)
    return actor_for_user(member.user)


def _agent(named: str) -> Agent:
    try:
        wanted = Agent.objects.filter(pk=UUID(named))
    except ValueError:
        wanted = Agent.objects.filter(name__iexact=named)
    found = list(wanted[:2])
    if len(found) != 1:
        problem = "Several agents have this name. Give the id." if found else "There is no such agent."
        raise CommandError(problem, returncode=BAD_INPUT)
    agent: Agent = found[0]
    return agent


def _file(path: str) -> tuple[Case, ...]:
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise CommandError(f"The file of cases can't be read: {error.strerror}.", returncode=BAD_INPUT) from error
    return read_file(content).cases


def _kept(actor: Actor, version: AgentVersion) -> list[Case]:
    rows = query_cases(viewer=actor).filter(agent_id=version.agent_id).order_by("id")
    found = [Case.model_validate(row.document) for row in rows]
    if not found:
        raise CommandError("This agent has no cases. Name a file: --cases FILE.", returncode=BAD_INPUT)
    return found


def _result(case: Case, version: AgentVersion, actor: Actor) -> dict[str, Any]:
    outcome = run_case(case, version, actor=actor, check_id=uuid7())
    return {
        "name": case.name,
        "must": case.must,
        "passed": outcome.judgement.passed,
        "misses": [asdict(miss) for miss in outcome.judgement.misses],
        "answer": outcome.last.text,
        "error": outcome.last.error,
        "milliseconds": outcome.milliseconds,
    }


def _lines(found: dict[str, Any]) -> list[str]:
    lines = []
    for result in found["cases"]:
        misses = "; ".join(f"{miss['code']} {miss['about']}".strip() for miss in result["misses"])
        word = "pass" if result["passed"] else "FAIL" if result["must"] else "fail"
        lines.append(f"{word}  {result['name']}{f': {misses}' if misses else ''}")
    return [*lines, f"{found['passed']} passed, {found['failed']} failed, {found['failed_musts']} of them must pass."]
