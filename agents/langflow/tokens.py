"""Tokens by which a flow reaches the tools of the one run, or the one trial, that it answers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.core import signing

from agents.models import AgentRun, AgentVersion
from core.clock import now
from core.privacy.encryption import current_key_id, derive_key, key_ring
from core.tenancy.scope import current_tenant_id

LIFE: Final = timedelta(minutes=5)
PURPOSE: Final = "run-token"
LIMIT: Final = 600


@dataclass(frozen=True, slots=True)
class RunToken:
    """What a token names: one run of one worker, and the version that answers."""

    tenant_id: UUID
    run_id: UUID
    fence: int
    version_id: UUID


@dataclass(frozen=True, slots=True)
class TrialToken:
    """What a token of a trial names: the room of one answer, and the version that is tried. No tool of it acts."""

    tenant_id: UUID
    room: UUID
    version_id: UUID


def make_token(run: AgentRun, version: AgentVersion) -> str:
    """Return a token for the tools of a run; it holds ids only and ends with the run, or after five minutes."""
    claims = {
        "t": current_tenant_id().hex,
        "r": run.pk.hex,
        "f": run.fence,
        "v": version.pk.hex,
        "x": int((now() + LIFE).timestamp()),
    }
    return _signer().sign_object(claims)


def make_trial_token(room: UUID, version: AgentVersion) -> str:
    """Return a token for the tools of one answer of a trial; it ends with the answer."""
    claims = {
        "t": current_tenant_id().hex,
        "o": room.hex,
        "v": version.pk.hex,
        "x": int((now() + LIFE).timestamp()),
    }
    return _signer().sign_object(claims)


def read_token(token: str) -> RunToken | TrialToken | None:
    """Return what a token names; None for one that we didn't make or that has expired."""
    if len(token) > LIMIT:
        return None
    try:
        claims: dict[str, Any] = _signer().unsign_object(token)
        if int(claims["x"]) <= now().timestamp():
            return None
        if "o" in claims:
            return TrialToken(UUID(claims["t"]), UUID(claims["o"]), UUID(claims["v"]))
        return RunToken(UUID(claims["t"]), UUID(claims["r"]), int(claims["f"]), UUID(claims["v"]))
    except (signing.BadSignature, ValueError, KeyError, TypeError):
        return None


def _signer() -> signing.Signer:
    """Return the signer; older keys still verify."""
    older: list[bytes | str] = [derive_key(PURPOSE, key_id=key_id).hex() for key_id in key_ring()]
    newest = derive_key(PURPOSE, key_id=current_key_id()).hex()
    return signing.Signer(key=newest, fallback_keys=older, salt="walker.run_token", sep=".")
