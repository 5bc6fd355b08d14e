"""The words by which people agree to a purpose, in versions, and what proves that somebody agreed."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from core.actors import Actor
from core.audit import chain
from core.db.locks import advisory_lock
from core.errors import Invalid
from core.models import Consent, ConsentWording
from core.privacy.pii import mask_text
from core.reach.ledger import Proof
from core.reach.policy import CHANGE
from core.reach.verdict import STOPPABLE
from core.text.clean import text_problem

VIEW: Final = "core.view_consent"
LONGEST: Final = 4_000
PLACE: Final = 200
EVIDENCE: Final = 120


def save_wording(*, actor: Actor, purpose: str, text: str) -> ConsentWording:
    """Save the words for a purpose as its next version.

    Lines of the ledger keep the version that was agreed to. A repeat of the newest returns it. Needs
    `core.change_reach`; raises `Invalid` with the fields. Writes `CONSENT_WORDING_SAVED`.
    """
    actor.require(CHANGE)
    wrong: dict[str, list[str]] = {}
    if purpose not in STOPPABLE:
        wrong["purpose"] = ["Choose reply, service, notice or marketing."]
    if problem := text_problem(text, LONGEST, needed=True):
        wrong["text"] = [problem]
    if wrong:
        raise Invalid("These words can't be saved.", fields=wrong)
    with transaction.atomic():
        advisory_lock(f"consent-wording:{purpose}")
        newest: ConsentWording | None = ConsentWording.objects.filter(purpose=purpose).order_by("-version").first()
        if newest is not None and newest.text == text.strip():
            return newest
        row: ConsentWording = ConsentWording.objects.create(
            purpose=purpose,
            version=newest.version + 1 if newest else 1,
            text=text.strip(),
            created_by=actor.user_id,
        )
        chain.note(actor, "CONSENT_WORDING_SAVED", row, purpose=purpose, version=row.version)
    return row


def query_wordings(*, viewer: Actor) -> QuerySet[ConsentWording]:
    """Return all versions of the words. Needs `core.view_consent`."""
    viewer.require(VIEW)
    return ConsentWording.objects.all()


def proof_problems(proof: Proof, *, state: str, purpose: str, at: datetime) -> dict[str, list[str]]:
    """Return what is wrong with the proof of a line, by field. Raises `TypeError` for a field that no proof has."""
    if unknown := proof.keys() - Proof.__annotations__.keys():
        raise TypeError(f"a proof has no {', '.join(sorted(unknown))}")
    if state != Consent.State.GIVEN:
        return {name: ["Only a consent has this."] for name, value in proof.items() if value}
    wrong: dict[str, list[str]] = {}
    wording_id = proof.get("wording_id")
    if wording_id and not ConsentWording.objects.filter(pk=wording_id, purpose=purpose).exists():
        wrong["wording_id"] = ["Choose one of the wordings for these messages."]
    if (way := proof.get("way")) and way not in Consent.Way.values:
        wrong["way"] = ["Choose form, chat, email, phone, paper or person."]
    for name, text, most in (("place", proof.get("place"), PLACE), ("evidence", proof.get("evidence"), EVIDENCE)):
        problem = text_problem(text or "", most)
        # The ledger outlives an erasure: nothing of a person may be in it.
        if not problem and text and mask_text(text) != text:
            problem = "Leave personal data out: no names, numbers or addresses of people, and no ? in a web address."
        if problem:
            wrong[name] = [problem]
    ends = proof.get("expires_at")
    if ends is not None and ends <= at:
        wrong["expires_at"] = ["A consent can't end before it begins."]
    return wrong
