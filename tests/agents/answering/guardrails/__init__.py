"""Tests of what may be said, and of how sure an answer is."""

from typing import Any

from agents.answering.guardrails.screen import screen


def passes(text: str, **more: Any) -> bool:
    """Return True if a text may be sent as it is."""
    verdict = screen(text, **more)
    return (verdict.text, verdict.problem, verdict.mended) == (text, "", ())
