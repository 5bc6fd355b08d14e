"""Adapter over pydantic-ai: our lines become its messages, its response becomes our turn."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
            if error.status_code == 429:
                raise ModelFailed("model_rate_limited") from error
            code = "model_unavailable" if error.status_code >= 500 else "model_rejected"
            raise ModelFailed(code) from error
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


def _messages(lines: Sequence[Line], prompt: str) -> list[ModelMessage]:
    """Convert our lines to the provider's messages.

    All results of one turn go back in one message.
    """
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
    """Convert a call.

    Arguments that are not a JSON object become an error for the model.
    """
    try:
        arguments = part.args_as_dict(raise_if_invalid=True)
    except (ValueError, AssertionError):
        problem = "The arguments are not a JSON object."
        return ToolRequest(part.tool_call_id, part.tool_name, {}, error=problem)
    return ToolRequest(part.tool_call_id, part.tool_name, arguments)
