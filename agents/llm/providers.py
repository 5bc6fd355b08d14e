"""OpenAI-compatible and Anthropic models from the settings; one attempt and no redirects."""

from __future__ import annotations

import httpx2
from anthropic import AsyncAnthropic
from django.conf import settings
from openai import AsyncOpenAI
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from agents.llm.adapter import TIMEOUT_SECONDS, ProviderAdapter
from agents.ports import ModelFailed

CONNECT_SECONDS = 5.0
OPENAI_DEFAULT = "gpt-4o-mini"
ANTHROPIC_DEFAULT = "claude-sonnet-5-5"


def http_client(transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """Return a client with time-outs that follows no redirects and ignores proxies in the environment."""
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
        transport=transport,
    )


def openai_model(name: str, transport: httpx2.AsyncBaseTransport | None = None) -> ProviderAdapter:
    """Return a model behind OPENAI_BASE_URL (any compatible server).

    Raises `ModelFailed` without a key.
    """
    if not settings.OPENAI_API_KEY:
        raise ModelFailed("model_not_configured")
    client = AsyncOpenAI(
        api_key=settings.OPENAI_API_KEY,
        base_url=settings.OPENAI_BASE_URL or None,
        max_retries=0,
        http_client=http_client(transport),
    )
    model = OpenAIChatModel(name or OPENAI_DEFAULT, provider=OpenAIProvider(openai_client=client))
    return ProviderAdapter("openai", model)


def anthropic_model(name: str, transport: httpx2.AsyncBaseTransport | None = None) -> ProviderAdapter:
    """Return a model behind ANTHROPIC_BASE_URL. Raises `ModelFailed` without a key."""
    if not settings.ANTHROPIC_API_KEY:
        raise ModelFailed("model_not_configured")
    client = AsyncAnthropic(
        api_key=settings.ANTHROPIC_API_KEY,
        base_url=settings.ANTHROPIC_BASE_URL or None,
        max_retries=0,
        http_client=http_client(transport),
    )
    provider = AnthropicProvider(anthropic_client=client)
    return ProviderAdapter("anthropic", AnthropicModel(name or ANTHROPIC_DEFAULT, provider=provider))
