"""Work a stored button press: decide as its colleague, ask for a reason, or say why nothing was decided."""

from datetime import timedelta
from typing import Final, Literal

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.selectors import zone_of
from channels_app.approver_channels.slack import messages, payloads, people, posts, workspaces
from channels_app.approver_channels.slack.notifier import CHANNEL
from channels_app.approver_channels.slack.payloads import Place, Press, Submission
from channels_app.exchanges import calls
from channels_app.models import InboundDelivery
from console.error_messages import explain
from conversations.models import ChannelAccount
from core.actors import Actor
from core.clock import now
from core.errors import Invalid, WalkerError
from core.jobs import queues
from core.observability.logging import get_logger
from core.observability.metrics import counter
from core.privacy.pii import mask_text
from hitl.models import Decision
from hitl.services import PRESSED, PressedVote, check_press, decide_by_press, note_refused_move
from integrations.slack.client import answer, may_answer
from integrations.slack.errors import describe_error
from integrations.slack.types import Done

log = get_logger(__name__)
PRESSES = counter("walker_slack_presses_total", "Button presses and forms from Slack, by outcome.", ["outcome"])
SIGN_IN: Final = frozenset({"sign_in", "weak_sign_in"})
NOT_LINKED: Final = (
    "Nothing was decided: your Slack user isn't linked to Walker. Sign in to Walker, open {url}, choose "
    "“Link my Slack user” and enter your member ID {user}. Then press the button again."
)
UNDECIDED: Final = "Nothing was decided."
TOO_OLD: Final = timedelta(minutes=15)
"""After this a press decides nothing: who pressed may have changed their mind, or the secret that signed it is out."""
PRESS_AGAIN: Final = f"{UNDECIDED} This press waited for more than 15 minutes. Press the button again."


def receive_delivery(delivery: InboundDelivery) -> None:
    """Process one request in its tenant's scope; safe to repeat: a person decides once."""
    payload = payloads.read(str(delivery.body).encode("latin-1"))
    if payload is None:
        raise Invalid("This request isn't JSON.", code="not_json")
    account = delivery.channel_account
    # One app may be installed in many workspaces, and signs for all of them with the same secret.
    if payloads.team_of(payload) != (account.credentials or {}).get("team"):
        PRESSES.labels("other_workspace").inc()
        raise Invalid("This request is from another workspace.", code="other_workspace")
    found = payloads.parse(payload)
    if found is None:
        PRESSES.labels("ignored").inc()
        return
    person = people.colleague_of(account, found.user)
    if person is None:
        PRESSES.labels("not_linked").inc()
        url = f"{settings.PUBLIC_URL}{reverse('admin:channels_app_colleagueaddress_changelist')}"
        _tell(account, found.user, found.place, NOT_LINKED.format(url=url, user=found.user))
        return
    if now() - delivery.received_at > TOO_OLD:
        PRESSES.labels("too_old").inc()
        _tell(account, found.user, found.place, PRESS_AGAIN)
        return
    with timezone.override(zone_of(person.pk)):
        _work(account, person, found)


def _work(account: ChannelAccount, person: User, found: Press | Submission) -> None:
    try:
        if isinstance(found, Press) and found.verdict == "reject":
            _ask_for_reason(account, person, found)
            return
        verdict: Literal["approve", "reject"] = "approve" if isinstance(found, Press) else "reject"
        pressed = PressedVote(person, found.approval_id, verdict, found.digest, account.keepers)
        decide_by_press(pressed, reason="" if isinstance(found, Press) else found.reason, channel=CHANNEL)
    except WalkerError as problem:
        _refuse(account, person, found, problem)
    else:
        PRESSES.labels("decided").inc()
    # By another task: workers of deliveries do not wait for Slack.
    queues.enqueue("update_slack", account.tenant_id, found.approval_id)


def _ask_for_reason(account: ChannelAccount, person: User, press: Press) -> None:
    """Open the form; people who could not reject it learn so before they write."""
    approval = check_press(PressedVote(person, press.approval_id, "reject", press.digest, account.keepers))
    view = messages.reason_form(press, approval)
    outcome = workspaces.LoggedClient(account).call("views.open", trigger_id=press.trigger_id, view=view)
    if isinstance(outcome, Done):
        PRESSES.labels("asked").inc()
        return
    posts.note_outcome(account, outcome)
    PRESSES.labels("not_asked").inc()
    say = f"{UNDECIDED} {describe_error(outcome.code)} You can also open the request: "
    _tell(account, press.user, press.place, f"{say}{messages.console_url(press.approval_id)}")


def _refuse(account: ChannelAccount, person: User, found: Press | Submission, problem: WalkerError) -> None:
    """Say why nothing was decided, and who was faster; note in the audit log what was more than bad luck."""
    verdict = found.verdict if isinstance(found, Press) else "reject"
    last = Decision.objects.filter(approval_id=found.approval_id, person=person).order_by("-id").first()
    if problem.code in ("voted", "conflict") and last is not None and last.verdict == verdict:
        # The second of two clicks, or a request that is worked again: it is decided as they wanted.
        PRESSES.labels("repeated").inc()
        return
    PRESSES.labels("refused").inc()
    actor = Actor(kind="user", id=person.pk, user_id=person.pk, name=str(person.pk), auth_strength=PRESSED)
    note_refused_move(problem, actor=actor, approval_id=found.approval_id, move=verdict, channel=CHANNEL)
    say = mask_text(explain(problem))
    if problem.code in SIGN_IN:
        say = messages.IN_CONSOLE.get(problem.facts.get("why", "strength"), say)
    _tell(account, found.user, found.place, f"{UNDECIDED} {say} {messages.console_url(found.approval_id)}")


def _tell(account: ChannelAccount, user: str, place: Place, text: str) -> None:
    """Show a text to the one who pressed, and to nobody else. A failure is logged: the request shows the rest."""
    said = messages.escape(text)
    if may_answer(place.answer_url):
        body = {"response_type": "ephemeral", "replace_original": False, "text": said}
        outcome = calls.make(account, "response_url", lambda: answer(place.answer_url, body))
        if isinstance(outcome, Done):
            return
    elif place.answer_url:
        log.warning("slack_answer_elsewhere", account=str(account.pk))
    outcome = workspaces.LoggedClient(account).call("chat.postEphemeral", channel=place.channel, user=user, text=said)
    if not isinstance(outcome, Done):
        log.warning("slack_answer_not_sent", account=str(account.pk), code=outcome.code)
