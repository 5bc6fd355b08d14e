"""`manage.py verify_approvals`: compare every approval, and the rules, with their audit entries."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import tenants_named
from core.audit import chain
from core.errors import NotFound
from core.models import AuditEntry
from core.privacy.erasure.person import GONE
from core.tenancy.scope import tenant_scope
from hitl.approvals.integrity.decision_mac import has_original_reason, verify
from hitl.approvals.integrity.verification import BESIDE_REQUESTS, find_broken, pages, removed_requests
from hitl.approvals.state.outcomes import digest_of
from hitl.domain.replay import PREFIX, ReplayedState, ReplayError, replay
from hitl.models import Approval, Decision

VOTES = ("approve", "reject")
BY = {"core.erasure": ("contact", "member"), "core.retentionchoice": ("retention",)}
"""The objects of entries that say what was emptied, and the beginnings of their actions."""


class Command(BaseCommand):
    help = (
        "Replay the audit entries of every approval and list approvals with another state, version or revision, "
        "with forged votes, with a changed request or reason that no erasure emptied, or with a seal that does not "
        "fit, with a changed use of a limit or emergency review, and rules, limits, settings and emergency stops whose "
        "seal does not fit. "
        "Run `verify_audit` first, which checks the entries themselves."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", default="", metavar="SLUG", help="only this tenant")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare and print; a difference is an error."""
        wrong = 0
        try:
            tenants = tenants_named(options["tenant"])
        except NotFound as error:
            raise CommandError(error.detail) from None
        for tenant_id, slug in tenants:
            with tenant_scope(tenant_id):
                found, total, gone = list(problems()), Approval.objects.count(), list(removed_requests())
                gone += [problem for check in BESIDE_REQUESTS for problem in check()]
            for reference, problem in (*found, *gone):
                self.stdout.write(f"{slug}: {reference}: {problem}")
            self.stdout.write(f"{slug}: {total - len(found)} approvals match their audit entries")
            wrong += len(found) + len(gone)
        if wrong:
            raise CommandError(f"{wrong} approvals or rules do not match their audit entries.")


def problems() -> Iterator[tuple[str, str]]:
    """Yield (reference, problem) of each approval of the tenant that doesn't match its entries."""
    erased, silenced = _emptied("approvals"), _emptied("reasons")
    for page in pages():
        broken = find_broken(page)
        for approval in page:
            problem = _problem_of(approval, silenced)
            # The approved request is stored byte for byte, or an entry says that it was emptied.
            if not problem and approval.payload == GONE and str(approval.pk) not in erased:
                problem = "the request is gone, and neither an erasure nor its age explains it"
            elif not problem and approval.payload != GONE and digest_of(approval) != approval.digest:
                problem = "the request does not match its digest"
            if problem or approval.pk in broken:
                yield approval.reference, problem or broken[approval.pk]


def _emptied(what: str) -> set[str]:
    """Return the ids of approvals or decisions that erasures or their age emptied, by their audit entries."""
    actions = [f"{who}.{what}_emptied" for about in BY.values() for who in about]
    told = AuditEntry.objects.filter(object_type__in=list(BY), action__in=actions)
    return {key for facts in told.values_list("facts", flat=True) for key in facts.get(what, ())}


def _problem_of(approval: Approval, silenced: set[str]) -> str:
    entries = chain.chain_of("hitl.approval", approval.pk, limit=approval.version + 1)
    try:
        folded = replay(entries)
    except ReplayError as error:
        return str(error)
    row = ReplayedState(approval.state, approval.version, approval.revision)
    if folded != row:
        return f"the row says {_describe(row)}, the audit log {_describe(folded)}"
    decisions = list(Decision.objects.filter(approval=approval))
    # Every decision has a valid HMAC, and votes and audit entries match one to one.
    if not all(verify(row) for row in decisions):
        return "a decision was not written by the application"
    given = Counter((row.verdict, row.person_id) for row in decisions if row.verdict in VOTES and row.person_id)
    acts = ((entry.action.removeprefix(PREFIX).lower(), entry.actor_user_id) for entry in entries)
    if given != Counter((verdict, person) for verdict, person in acts if verdict in VOTES and person):
        return "the votes are not those of the audit log"
    # Each reason is the original one, or an erasure recorded that it emptied it.
    for row in decisions:
        if not has_original_reason(row) and (row.reason or str(row.pk) not in silenced):
            return "a reason was changed" if row.reason else "a reason is gone, and no erasure recorded it"
    return ""


def _describe(where: ReplayedState) -> str:
    return f"{where.state}, version {where.version}, revision {where.revision}"
