"""One adapter over pydantic-ai: our lines to its messages, its response to our turn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic_ai import ModelAPIError, ModelHTTPError, UnexpectedModelBehavior, UserError
from pydantic_ai.direct import model_request_stream_sync
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

from agents.ports import Emit, Line, Model, ModelFailed, Stop, ToolRequest, ToolSpec, Turn, Usage
from core.observability.logging import get_logger

log = get_logger(__name__)
TIMEOUT_SECONDS = 30.0
MAX_TOKENS = 1024
_STOPS: dict[str, Stop] = {"length": "length", "content_filter": "refusal"}


class ProviderAdapter(Model):
    """A model behind a provider's API: one try, time-outs, and errors as short codes."""

    def __init__(self, key: str, model: ProviderModel[Any]) -> None:
        self.key = key
        self._model = model

    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        try:
            response = self._ask(lines, tools, prompt, emit)
            text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
            requests = tuple(_request(part) for part in response.parts if isinstance(part, ToolCallPart))
            usage = Usage(response.usage.input_tokens, response.usage.output_tokens)
            stop: Stop = "tool_calls" if requests else _STOPS.get(response.finish_reason or "", "end")
            return Turn(text, requests, usage, stop)
        except ModelHTTPError as error:
            log.warning("model_refused", model=self.key, status=error.status_code)
            raise ModelFailed(_code(error.status_code)) from error
        except (ModelAPIError, UnexpectedModelBehavior, UserError, TimeoutError) as error:
            log.warning("model_failed", model=self.key, kind=type(error).__name__)
            raise ModelFailed("model_unreachable") from error

    def _ask(self, lines: Sequence[Line], tools: Sequence[ToolSpec], prompt: str, emit: Emit) -> ModelResponse:
        settings = ModelSettings(timeout=TIMEOUT_SECONDS, max_tokens=MAX_TOKENS)
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
                if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                    emit(event.part.content)
                elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                    emit(event.delta.content_delta)
            return events.response


def _code(status: int) -> str:
    if status == 429:
        return "model_rate_limited"
    return "model_unavailable" if status >= 500 else "model_rejected"


def _messages(lines: Sequence[Line], prompt: str) -> list[ModelMessage]:
    """Our lines in the provider's order; all results of one turn go back in one message."""
    found: list[ModelMessage] = []
    parts: list[ModelRequestPart] = []
    for line in lines:
        if line.role == "assistant":
            if parts:
                found.append(ModelRequest(parts=parts, instructions=prompt))
                parts = []
            found.append(ModelResponse(parts=list(_spoken(line))))
        elif line.role == "tool":
            parts.append(ToolReturnPart(tool_name=line.tool_name, content=line.text, tool_call_id=line.call_id))
        else:
            parts.append(UserPromptPart(content=line.text))
    found.append(ModelRequest(parts=parts, instructions=prompt))
    return found


def _spoken(line: Line) -> Iterator[ModelResponsePart]:
    if line.text:
        yield TextPart(content=line.text)
    for request in line.tool_requests:
        arguments = json.dumps(dict(request.arguments), default=str)
        yield ToolCallPart(tool_name=request.name, args=arguments, tool_call_id=request.call_id)


def _request(part: ToolCallPart) -> ToolRequest:
    """Arguments that are no JSON object are told to the model, and never guessed at."""
    try:
        arguments = part.args_as_dict(raise_if_invalid=True)
    except (ValueError, AssertionError):
        problem = "The arguments are not a JSON object."
        return ToolRequest(part.tool_call_id, part.tool_name, {}, error=problem)
    return ToolRequest(part.tool_call_id, part.tool_name, arguments)
