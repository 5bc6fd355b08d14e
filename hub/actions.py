"""The action kind that books a confirmed transaction."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from pydantic import Field

from core.clock import now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid
from core.privacy.pii import mask_text
from hitl.actions.base import ActionKind, ClaimWords, Estimate, Facts, Outcome, Params, Preview, PreviewRow
from hitl.domain.state_machine import FINAL
from hitl.models import Approval
from hub import drafts
from hub.models import TransactionDraft
from hub.selectors import MISSING
from integrations import platforms
from integrations.transactions import selectors
from integrations.transactions.services import CHANGED, ENDED, book_draft, find_booking
from integrations.transactions.types import Amount, Currency

KEY: Final = "commit_transaction"
State = TransactionDraft.State
PAID: Final = ClaimWords(
    verbs={
        "en": ("refunded", "booked", "paid", "transferred", "credited", "sent", "issued"),
        "de": ("erstattet", "gebucht", "bezahlt", "überwiesen", "gutgeschrieben"),
        "fr": ("remboursé", "comptabilisé", "payé", "viré", "crédité"),
        "es": ("reembolsad", "contabilizad", "pagad", "transferid", "abonad"),
        "it": ("rimborsat", "registrat", "pagat", "trasferit", "accreditat"),
        "pt": ("reembolsad", "registrad", "pag", "transferid", "creditad"),
        "nl": ("terugbetaald", "geboekt", "betaald", "overgemaakt", "gecrediteerd"),
    },
    things={
        "en": ("refund", "payment", "money", "amount", "transaction"),
        "de": ("erstattung", "rückerstattung", "zahlung", "geld", "betrag", "transaktion"),
        "fr": ("remboursement", "paiement", "argent", "montant", "transaction"),
        "es": ("reembolso", "pago", "dinero", "importe", "transacción"),
        "it": ("rimborso", "pagamento", "denaro", "importo", "transazione"),
        "pt": ("reembolso", "pagamento", "dinheiro", "valor", "transação"),
        "nl": ("terugbetaling", "betaling", "geld", "bedrag", "transactie"),
    },
)  # fmt: skip


class CommitParams(Params):
    """Which draft is booked, and the bytes and the amount that the customer confirmed."""

    draft: str = Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    amount: Amount
    currency: Currency


class CommitTransaction(ActionKind[CommitParams]):
    """Books a transaction that the customer has confirmed, once."""

    key: ClassVar[str] = KEY
    title: ClassVar[str] = "Book a confirmed transaction"
    keyed: ClassVar[bool] = True
    own_tool: ClassVar[bool] = True
    follows_default: ClassVar[bool] = False
    base_risk: ClassVar[int] = 20
    ability: ClassVar[str] = "request that a payment you have confirmed is booked"
    description: ClassVar[str] = "Request the booking of a draft that the customer has confirmed; waits for approval."
    claim_words: ClassVar[ClaimWords] = PAID
    params_model = CommitParams

    def works_here(self) -> bool:
        """Return True if a back office is connected."""
        return selectors.find_connection() is not None

    def pause_reason(self) -> str:
        """Return why the back office isn't called now."""
        found = selectors.find_connection()
        return platforms.find_pause(found.platform.key) if found else ""

    def systems(self) -> Collection[str]:
        """Return all back offices."""
        return selectors.systems()

    def resolve(self, params: CommitParams) -> CommitParams:
        """Refuse what the customer hasn't confirmed, other values than theirs, and a second request."""
        draft = _draft(params)
        if draft.state != State.CONFIRMED:
            raise Conflict("The customer hasn't confirmed this.", code="not_confirmed", state=draft.state)
        if draft.has_ended(now()):
            raise Conflict("The confirmation has ended. Make a new draft.", code=ENDED)
        if Approval.objects.filter(pk=draft.approval_id, state__in=FINAL).exists():
            raise Conflict("This was decided already. Make a new draft.", code="already_requested")
        return params

    def observe(self, params: CommitParams) -> Facts:
        """Return what was confirmed, and how; names are masked."""
        draft = _draft(params)
        return {
            "amount": params.amount,
            "currency": params.currency,
            "recipient": draft.masked_recipient,
            "destination": draft.destination,
            "description": mask_text(draft.description),
            "confirmed_by_customer": draft.get_confirmed_by_display(),
            "confirmed_at": draft.confirmed_at.isoformat() if draft.confirmed_at else "",
            "digest": draft.digest,
        }

    def preview(self, params: CommitParams, facts: Facts) -> Preview:
        """Show the amount and its recipient, and that the customer has confirmed it."""
        rows = (
            PreviewRow("To", "", f"{facts['recipient']} · {facts['destination']}"),
            PreviewRow("What for", "", str(facts["description"])),
            PreviewRow("Confirmed by the customer", "", f"{facts['confirmed_by_customer']}, {facts['confirmed_at']}"),
        )
        return Preview(headline=f"Pay {params.amount} {params.currency} to {facts['recipient']}", rows=rows)

    def estimate(self, params: CommitParams, facts: Facts) -> Estimate:
        """Return the amount as the cost, and one person."""
        return Estimate(cost=Decimal(params.amount), currency=params.currency, reach=1)

    def may_be_approved_by_rule(self, estimate: Estimate) -> bool:
        """Return True up to the limit that the operator set for the currency; without one a person decides."""
        limit = settings.RULE_LIMITS.get(estimate.currency)
        return limit is not None and estimate.cost is not None and estimate.cost <= Decimal(limit)

    def subject_key(self, params: CommitParams) -> str:
        return f"draft:{params.draft}"

    def execute(self, params: CommitParams, *, idempotency_key: str) -> Outcome:
        """Book the draft, unless it was booked under this key. Safe to repeat.

        One that ended or was changed before its approval is never booked: the customer is asked to confirm it again.
        """
        draft = _draft(params)
        rows = TransactionDraft.objects.filter(pk=draft.pk)
        if draft.state not in (State.CONFIRMED, State.BOOKED):
            return Outcome("failed_clean", error="not_confirmed")
        # One that was sent before may have been booked, so that only the back office can say what became of it.
        if draft.sent_at is None and draft.has_ended(now()):
            outcome = Outcome("failed_clean", error=ENDED)
        else:
            rows.filter(sent_at=None).update(sent_at=now())
            known = Approval.objects.filter(pk=draft.approval_id).values_list("reference", flat=True).first()
            outcome = book_draft(
                account_id=draft.connection_id,
                draft_id=draft.vendor_id,
                digest=draft.digest,
                reference=known or "",
                key=idempotency_key,
            )
        if outcome.kind == "succeeded":
            rows.update(state=State.BOOKED, transaction_id=outcome.result["transaction"])
        elif outcome.kind == "failed_clean" and outcome.error in (ENDED, CHANGED):
            rows.filter(state=State.CONFIRMED).update(state=State.ENDED)
            drafts.ask_again(draft)
        return outcome

    def probe(self, params: CommitParams, *, idempotency_key: str) -> Outcome | None:
        """Look whether the draft was booked; while it is open nobody can tell."""
        draft = _draft(params)
        found = find_booking(account_id=draft.connection_id, draft_id=draft.vendor_id)
        if found is not None and found.kind == "succeeded":
            booked = {"state": State.BOOKED, "transaction_id": found.result["transaction"]}
            TransactionDraft.objects.filter(pk=draft.pk).update(**booked)
        return found


def params_of(draft: TransactionDraft) -> dict[str, Any]:
    """Return the parameters of the request that books a draft."""
    amount = f"{drafts.checked_amount(f'{draft.amount:f}', draft.currency):f}"
    return {"draft": str(draft.pk), "digest": draft.digest, "amount": amount, "currency": draft.currency}


def _draft(params: CommitParams) -> TransactionDraft:
    """Return the draft with these very values. Raises `NotFound`, `Invalid`."""
    draft: TransactionDraft = get_or_missing(TransactionDraft.objects.filter(pk=UUID(params.draft)), MISSING)
    given = (params.digest, Decimal(params.amount), params.currency)
    if given != (draft.digest, draft.amount, draft.currency):
        problem = "This isn't what the customer confirmed."
        raise Invalid(problem, fields={"digest": [problem]})
    return draft
