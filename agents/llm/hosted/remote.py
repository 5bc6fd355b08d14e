"""Register the models of the installation that are asked over a network."""

from django.conf import settings

from agents.llm import registry


def register() -> None:
    """Register OpenAI-compatible and Anthropic models; their libraries load when one is first asked."""
    registry.register_model(
        "openai",
        registry.lazily("agents.llm.hosted.models.openai_model"),
        is_remote=True,
        is_configured=lambda: bool(settings.OPENAI_API_KEY),
    )
    registry.register_model(
        "anthropic",
        registry.lazily("agents.llm.hosted.models.anthropic_model"),
        is_remote=True,
        is_configured=lambda: bool(settings.ANTHROPIC_API_KEY),
    )
