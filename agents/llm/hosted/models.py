"""OpenAI-compatible and Anthropic models: one attempt, no redirects, answers of a bounded size."""

from collections.abc import AsyncIterator
from typing import Final

import httpx2
from anthropic import AsyncAnthropic
from django.conf import settings
from openai import AsyncOpenAI
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from agents.llm.hosted.adapter import ANSWER_SECONDS, ProviderAdapter
from agents.llm.ports import NOT_CONFIGURED, ModelFailed
from core.http import GuardedAsyncTransport

CONNECT_SECONDS: Final = 5.0
MAX_BYTES: Final = 2_000_000
"""For a whole answer: about a hundred times what the most tokens that are asked for take."""
OPENAI_DEFAULT: Final = "gpt-4o-mini"
ANTHROPIC_DEFAULT: Final = "claude-sonnet-5-5"
OPENAI_ADDRESS: Final = "https://api.openai.com/v1"
ANTHROPIC_ADDRESS: Final = "https://api.anthropic.com"
# A connection that is kept would be closed by nobody: each run has a client of its own.
_LIMITS: Final = httpx2.Limits(max_keepalive_connections=0)


class BoundedStream(httpx2.AsyncByteStream):
    """The body of an answer, up to a number of bytes."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_BYTES
        async for chunk in self._inner:
            left -= len(chunk)
            if left < 0:
                raise httpx2.ReadError("The answer is too large.")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Cuts off answers that are too large; refuses compressed ones, as their size says nothing."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._inner.handle_async_request(request)
        if answer.headers.get("content-encoding", "identity") != "identity":
            await answer.aclose()
            raise httpx2.DecodingError("The answer is compressed, although that was ruled out.", request=request)
        if isinstance(answer.stream, httpx2.AsyncByteStream):
            answer.stream = BoundedStream(answer.stream)
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


def http_client(transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """Return a client with time-outs that follows no redirects and ignores proxies in the environment."""
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        headers={"Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
        transport=BoundedTransport(transport or httpx2.AsyncHTTPTransport(trust_env=False, limits=_LIMITS)),
    )


def openai_model(name: str, transport: httpx2.AsyncBaseTransport | None = None) -> ProviderAdapter:
    """Return a model behind OPENAI_BASE_URL (any compatible server). Raises `ModelFailed` without a key."""
    if not settings.OPENAI_API_KEY:
        raise ModelFailed(NOT_CONFIGURED)
    return _openai(name, settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, http_client(transport))


def anthropic_model(name: str, transport: httpx2.AsyncBaseTransport | None = None) -> ProviderAdapter:
    """Return a model behind ANTHROPIC_BASE_URL. Raises `ModelFailed` without a key."""
    if not settings.ANTHROPIC_API_KEY:
        raise ModelFailed(NOT_CONFIGURED)
    return _anthropic(name, settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL, http_client(transport))


def route_model(provider: str, name: str, *, key: str, base_url: str) -> ProviderAdapter:
    """Return a model at an address that an organisation entered: public ones only, besides MODEL_HOSTS."""
    inner = httpx2.AsyncHTTPTransport(trust_env=False, limits=_LIMITS)
    client = http_client(GuardedAsyncTransport(inner, private_hosts=frozenset(settings.MODEL_HOSTS)))
    make = _anthropic if provider == "anthropic" else _openai
    return make(name, key or "none", base_url, client)


def _openai(name: str, key: str, base_url: str, client: httpx2.AsyncClient) -> ProviderAdapter:
    # Without an address the library would take one from its own environment variable.
    link = AsyncOpenAI(api_key=key, base_url=base_url or OPENAI_ADDRESS, max_retries=0, http_client=client)
    return ProviderAdapter(
        "openai", OpenAIChatModel(name or OPENAI_DEFAULT, provider=OpenAIProvider(openai_client=link))
    )


def _anthropic(name: str, key: str, base_url: str, client: httpx2.AsyncClient) -> ProviderAdapter:
    link = AsyncAnthropic(api_key=key, base_url=base_url or ANTHROPIC_ADDRESS, max_retries=0, http_client=client)
    provider = AnthropicProvider(anthropic_client=link)
    return ProviderAdapter("anthropic", AnthropicModel(name or ANTHROPIC_DEFAULT, provider=provider))
