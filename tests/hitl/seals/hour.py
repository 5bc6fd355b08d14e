"""What somebody with the application's database role tries in an hour (`an_hour.txt`), and how an effect would show."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import DatabaseError, connection
from django.test import Client

from accounts.api_keys import actor_of_key
from accounts.models import ApiKey, Tenant, User
from accounts.permissions import operators
from accounts.privacy.reveals import get_active_reveal
from accounts.services import KEY_PREFIX, actor_for_user
from agents.services import take_outcome
from analytics.exports import work
from analytics.models import Export
from conversations.models import Contact, Conversation, Message
from core.audit import anchors, chain, vouched
from core.clock import now
from core.errors import WalkerError
from core.models import Erasure
from core.privacy.encryption import digest_of_secret
from core.privacy.erasure.services import work_on
from core.reach.policy import read_policy
from core.reliability import idempotency
from core.tenancy import lookups
from core.tenancy.scope import tenant_scope
from hitl.batches.work import work_batch
from hitl.decision_links.secrets import is_genuine
from hitl.execution import claim as claiming
from hitl.execution.observation import observe_again
from hitl.management.commands.verify_approvals import problems
from hitl.models import Approval, BatchDecision, Cap, DecisionToken
from hitl.policy.limits import cap_reservations
from hitl.policy.limits.caps import revise_cap
from tests.hitl.approvals.integrity.test_seals import run
from tests.hitl.kit.scene import Scene, stored

SECRET: Final = "a secret that everybody knows"
SHOWN: Final = "conversations.conversation"
TEXT: Final = Path(__file__).with_name("an_hour.txt")


@dataclass
class Lab:
    """The world of the attacker; `ids` are what its statements name."""

    scene: Scene
    waiting: Approval
    approved: Approval
    mine: Conversation
    theirs: Message
    ids: dict[str, Any]

    def sql(self, statement: str) -> int:
        """Run a statement as the role that the product runs as; return how many rows it changed."""
        return run(self.filled(statement))

    def filled(self, statement: str) -> str:
        return statement.format(**{name: f"'{value}'" for name, value in self.ids.items()})

    def is_true(self, query: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(self.filled(query))
            return bool(cursor.fetchone()[0])

    def named(self) -> list[str]:
        """Return what `verify_audit`, the console's check and `verify_approvals` name."""
        verdict = chain.verify()
        found = [] if verdict.ok else [f"entry {verdict.first_bad}: {verdict.reason}"]
        found += vouched.problems()
        found += [f"{row}: {what}" for row, what in problems()]
        return list(dict.fromkeys(found))

    def claims(self, approval: Approval) -> bool:
        return claiming.claim(approval.pk, observe_again(stored(approval)), now()) is not None

    @property
    def viewer(self) -> Any:
        return actor_for_user(User.objects.get(pk=self.scene.user_id("viewer")))


@dataclass
class Try:
    """One thing that was tried, and what it is known to come to."""

    area: str
    what: str
    comes_to: str
    steps: list[str] = field(default_factory=list)
    statement: str = ""
    effect: str = ""


def tries() -> Iterator[Try]:
    """Read what is tried from `an_hour.txt`."""
    area = ""
    for block in TEXT.read_text().split("\n\n"):
        if block.startswith("## "):
            area = block.removeprefix("## ")
        if not block.startswith("# "):
            continue
        head, *lines = block.strip().splitlines()
        what, _, comes_to = head.removeprefix("# ").rpartition(" | ")
        said = " ".join(line.strip() for line in lines if not line.startswith("! "))
        statement, _, effect = said.partition(" ? ")
        yield Try(area, what, comes_to, [line[2:] for line in lines if line.startswith("! ")], statement, effect)


def outcome(lab: Lab, tried: Try) -> tuple[str, list[str]]:
    """Do it and return what came of it, and what the checks named."""
    try:
        for step in tried.steps:
            STEPS[step](lab)
        if "session" in tried.steps:
            _in_a_session_of_mine(lab.filled(tried.statement))
        elif lab.sql(tried.statement) == 0 and tried.effect:
            return "changed no row", []
    except DatabaseError as problem:
        return "refused", [str(problem).splitlines()[0]]
    has = bool(tried.effect) and _has_effect(lab, tried.effect)
    named = lab.named()
    return f"{'effect' if has else 'no effect'}{', named' if named else ', unseen' if has else ''}", named


def _has_effect(lab: Lab, effect: str) -> bool:
    try:
        return lab.is_true(effect) if effect.startswith("select") else bool(EFFECTS[effect](lab))
    except (WalkerError, DatabaseError):
        return False


def _in_a_session_of_mine(statement: str) -> None:
    session = connection.copy()
    try:
        with session.cursor() as cursor:
            cursor.execute(statement)
    finally:
        session.close()


def _make_key(lab: Lab) -> None:
    lab.sql(
        "insert into accounts_apikey (id, tenant_id, user_id, name, prefix, digest, scopes, expires_at, created_at) "
        "values (gen_random_uuid(), {acme}, {owner}, 'x', 'x', {key}, '[\"hitl.decide_approval\"]', now() + "
        "interval '1 day', now())"
    )


def _claim(lab: Lab) -> None:
    """Make room under the limit and begin an execution, so that there is one to be taken over."""
    revise_cap(actor=lab.scene.actor("owner"), cap_id=Cap.objects.get().pk, amount=100)
    assert lab.claims(lab.approved)


def _answer_another(lab: Lab) -> None:
    idempotency.begin(scope="api", key="theirs", request_digest="d" * 64)
    idempotency.finish(scope="api", key="theirs", status=201, answer={"secret": SECRET})


def _batch_decides(lab: Lab) -> bool:
    for batch in BatchDecision.objects.filter(finished_at=None):
        work_batch(batch_id=batch.pk)
    return stored(lab.waiting).state != "pending"


def _is_key_of_globex(lab: Lab) -> bool:
    with tenant_scope(lab.scene.world.globex.pk):
        return ApiKey.objects.exists() and bool(actor_of_key(KEY_PREFIX + SECRET))


def _is_in_by_what_the_table_holds(lab: Lab) -> bool:
    """Use each key that the table of sessions tells as a cookie."""
    keys, thief = _session_keys(), Client()
    for key in keys:
        thief.cookies[settings.SESSION_COOKIE_NAME] = key
        if thief.get("/admin/").status_code == 200:
            return True
    return not keys


def _is_in_as_the_owner(lab: Lab) -> bool:
    """Give a session of one's own the content of the owner's."""
    before = set(_session_keys())
    thief = Client()
    thief.force_login(User.objects.get(pk=lab.scene.user_id("viewer")))
    (own,) = set(_session_keys()) - before
    given = "update django_session set session_data = o.session_data from django_session o where "
    assert run(f"{given} django_session.session_key = %s and o.session_key = %s", own, before.pop()) == 1
    return str(thief.session.get("_auth_user_id")) == str(lab.scene.user_id("owner"))


def _session_keys() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("select session_key from django_session")
        return [str(key) for (key,) in cursor.fetchall()]


def _is_shown(lab: Lab) -> bool:
    about = {"object_type": SHOWN, "object_id": lab.theirs.conversation_id}
    return get_active_reveal(actor=lab.scene.actor("admin"), **about) is not None


def _is_exported(lab: Lab) -> bool:
    waiting = Export.objects.filter(state=Export.State.QUEUED).values_list("pk", flat=True)
    written = [work.write_export(export_id=key) for key in list(waiting)]
    return any(export is not None and export.in_clear and export.state == Export.State.DONE for export in written)


def _is_erased(lab: Lab) -> bool:
    for key in Erasure.objects.values_list("pk", flat=True):
        for _ in range(200):
            if not work_on(erasure_id=key):
                break
    return not Message.objects.filter(pk=lab.theirs.pk, masked_body__contains="stove").exists()


def _is_answered(lab: Lab) -> bool:
    replay = idempotency.begin(scope="api", key="mine", request_digest="d" * 64)
    return replay is not None and replay.answer == {"secret": SECRET}


def _is_globex_renamed(lab: Lab) -> bool:
    with tenant_scope(lab.scene.world.globex.pk):
        return Tenant.objects.get().name == "Mine"


STEPS: Final[dict[str, Callable[[Lab], object]]] = {
    "session": lambda _: None,
    "claim": _claim,
    "key": _make_key,
    "answer": _answer_another,
    "anchor": lambda _: anchors.extend(),
}
EFFECTS: Final[dict[str, Callable[[Lab], object]]] = {
    "waiting is executed": lambda lab: lab.claims(lab.waiting),
    "waiting is approved": lambda lab: lab.scene.decide(stored(lab.waiting)).state == "approved",
    "approved is executed again": lambda lab: lab.claims(lab.approved),
    "batch decides": _batch_decides,
    "link is genuine": lambda _: any(is_genuine(link) for link in DecisionToken.objects.all()),
    "outcome is told": lambda lab: take_outcome(approval_id=lab.waiting.pk),
    "limit has room": lambda lab: not cap_reservations.shortfall(stored(lab.approved), now()),
    "reach without limit": lambda _: read_policy().per_contact == 0,
    "name of globex": _is_globex_renamed,
    "key of globex": _is_key_of_globex,
    "key decides": lambda _: actor_of_key(KEY_PREFIX + SECRET).may("hitl.decide_approval"),
    "viewer is an owner": lambda lab: lab.viewer.role == "owner",
    "viewer is an operator": lambda lab: operators.is_operator(lab.viewer),
    "viewer may decide": lambda lab: lab.viewer.may("hitl.decide_approval"),
    "password is known": lambda lab: User.objects.get(pk=lab.scene.user_id("owner")).check_password("mine"),
    "invitation is found": lambda _: lookups.find("invitation", digest_of_secret(SECRET)),
    "organisation is off": lambda lab: not lookups.find("memberships", str(lab.scene.user_id("owner"))),
    "session by its key": _is_in_by_what_the_table_holds,
    "session of the owner": _is_in_as_the_owner,
    "conversation is shown": _is_shown,
    "export in clear": _is_exported,
    "text is in my chat": lambda lab: lab.theirs.body in [message.body for message in lab.mine.messages.all()],
    "text is a name": lambda lab: lab.theirs.body in [contact.display_name for contact in Contact.objects.all()],
    "answer is read": _is_answered,
    "customer is erased": _is_erased,
    "entry is owed": lambda _: operators.list_owed_tenants(),
}


def secrets_of_mine() -> dict[str, str]:
    """Return what the statements name besides rows: digests of what the attacker knows, and another day's zone."""
    return {
        "key": digest_of_secret(KEY_PREFIX + SECRET),
        "digest": digest_of_secret(SECRET),
        "key_digest": idempotency.digest("mine"),
        "password": make_password("mine"),
        "zone": "Pacific/Kiritimati" if now().hour >= 11 else "Etc/GMT+12",
    }
