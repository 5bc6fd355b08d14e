"""Adapter over pydantic-ai: our lines become its messages, its response becomes our turn."""

import json
import time
import warnings
from collections.abc import Sequence
from typing import Any, Final

import httpx2
from pydantic_ai import ModelAPIError, ModelHTTPError, UnexpectedModelBehavior, UserError
from pydantic_ai.direct import model_request_stream_sync
from pydantic_ai.exceptions import ModelRequestTimeout
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model as ProviderModel
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from agents.llm.hosted.arguments import read_arguments
from agents.llm.ports import (
    MOST_TOKENS,
    OVERLOADED,
    RATE_LIMITED,
    REJECTED,
    TOO_SLOW,
    UNAVAILABLE,
    UNREACHABLE,
    Emit,
    Line,
    Model,
    ModelFailed,
    Stop,
    ToolRequest,
    ToolSpec,
    Turn,
    Usage,
)
from conversations.texts import clean
from core.observability.logging import get_logger

log = get_logger(__name__)
ANSWER_SECONDS: Final = 30.0
"""For a whole answer, from the connection to its last word."""
MAX_TOKENS: Final = 1024
_STOPS: Final[dict[str, Stop]] = {
    "stop": "end", "tool_call": "tool_calls", "length": "length", "content_filter": "refusal"
}  # fmt: skip


_MISSHAPED: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the providers' libraries raise for an answer of another shape than they expect."""
_CODES: Final = {429: RATE_LIMITED, 529: OVERLOADED}


class ProviderAdapter(Model):
    """A model behind a provider's API: one try, one time-out for all of it, and errors as short codes."""

    def __init__(self, key: str, model: ProviderModel[Any]) -> None:
        self.key = key
        self._model = model

    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        ends = time.monotonic() + ANSWER_SECONDS
        if self.until is not None:
            ends = min(ends, self.until)
        try:
            with warnings.catch_warnings():
                # A provider may send anything: what its library thinks of a value changes nothing here.
                warnings.simplefilter("ignore")
                response = self._ask(lines, tools, prompt, emit, ends)
            text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
            text = text.encode("utf-8", "replace").decode()  # half a character can be neither stored nor sent
            requests = tuple(_request(part) for part in response.parts if isinstance(part, ToolCallPart))
            used = response.usage
            usage = Usage(_count(used.input_tokens), _count(used.output_tokens), _count(used.cache_read_tokens))
            return Turn(text, requests, usage, _stop_of(response))
        except (ModelRequestTimeout, TimeoutError) as error:
            log.warning("model_too_slow", model=self.key)
            raise ModelFailed(TOO_SLOW) from error
        except ModelHTTPError as error:
            log.warning("model_refused", model=self.key, status=error.status_code)
            usual = UNAVAILABLE if error.status_code >= 500 else REJECTED
            raise ModelFailed(_CODES.get(error.status_code, usual)) from error
        except (ModelAPIError, UnexpectedModelBehavior, UserError, httpx2.HTTPError) as error:
            log.warning("model_failed", model=self.key, kind=type(error).__name__)
            raise ModelFailed(UNREACHABLE) from error
        except _MISSHAPED as error:
            log.warning("model_failed", model=self.key, kind=type(error).__name__)
            raise ModelFailed(UNREACHABLE) from error

    def _ask(
        self, lines: Sequence[Line], tools: Sequence[ToolSpec], prompt: str, emit: Emit, ends: float
    ) -> ModelResponse:
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        # `request_timeout` is for all reads together, `timeout` for a single one, which must not come first.
        settings = ModelSettings(timeout=left + 1, request_timeout=left, max_tokens=MAX_TOKENS)
        stream = model_request_stream_sync(
            self._model,
            _messages(lines, prompt),
            model_settings=settings,
            model_request_parameters=ModelRequestParameters(
                function_tools=[
                    ToolDefinition(
                        name=tool.name,
                        description=tool.description,
                        parameters_json_schema=dict(tool.parameters),
                    )
                    for tool in tools
                ]
            ),
        )
        with stream as events:
            for event in events:
                if time.monotonic() > ends:
                    raise TimeoutError
                if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                    emit(event.part.content)
                elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                    emit(event.delta.content_delta)
            return events.response


def _messages(lines: Sequence[Line], prompt: str) -> list[ModelMessage]:
    """Convert our lines to the provider's messages. All results of one turn go back in one message."""
    found: list[ModelMessage] = []
    parts: list[ModelRequestPart] = []
    for line in lines:
        if line.role == "assistant":
            if parts:
                found.append(ModelRequest(parts=parts, instructions=prompt))
                parts = []
            spoken: list[ModelResponsePart] = [TextPart(content=line.text)] if line.text else []
            for request in line.tool_requests:
                arguments = json.dumps(dict(request.arguments), default=str)
                spoken.append(ToolCallPart(tool_name=request.name, args=arguments, tool_call_id=request.call_id))
            found.append(ModelResponse(parts=spoken))
        elif line.role == "tool":
            parts.append(ToolReturnPart(tool_name=line.tool_name, content=line.text, tool_call_id=line.call_id))
        else:
            parts.append(UserPromptPart(content=line.text))
    found.append(ModelRequest(parts=parts, instructions=prompt))
    return found


def _request(part: ToolCallPart) -> ToolRequest:
    """Convert a call. Arguments that are not one plain JSON object become an error for the model."""
    call_id, name = clean(part.tool_call_id), clean(part.tool_name)
    try:
        return ToolRequest(call_id, name, read_arguments(part.args))
    except ValueError as problem:
        return ToolRequest(call_id, name, {}, error=str(problem))


def _count(tokens: object) -> int:
    """Return a reported count of tokens as far as a column holds it; 0 for what is no count."""
    return max(0, min(tokens, MOST_TOKENS)) if isinstance(tokens, int) and not isinstance(tokens, bool) else 0


def _stop_of(response: ModelResponse) -> Stop:
    """Return how the answer ended, by the provider's own word: without one it was cut, as far as anyone can tell."""
    if response.finish_reason == "stop" and not (response.provider_details or {}).get("finish_reason"):
        return "cut"  # "stop" is then what the library supposes
    return _STOPS.get(response.finish_reason or "", "cut")
