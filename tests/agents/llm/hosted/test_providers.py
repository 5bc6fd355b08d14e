"""The provider adapters read what real servers sent, and turn every failure into a code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from agents.llm.hosted.models import anthropic_model, openai_model
from agents.llm.ports import Line, ModelFailed, ToolRequest, ToolSpec, Turn

SAMPLES = Path(__file__).parent / "samples"
TOOLS = [ToolSpec("propose_action", "Propose", "Propose it", {"type": "object", "properties": {}})]
CHAT = "v1_chat_completions"
Ask = Callable[..., Turn]


def replay(name: str, seen: list[Any]) -> httpx2.MockTransport:
    sample = json.loads((SAMPLES / f"{name}.json").read_text())["response"]
    body = sample["body"]
    content = body["text"] if "text" in body else json.dumps(body["json"])
    headers = {"content-type": sample["headers"]["Content-Type"]}

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(json.loads(request.content))
        return httpx2.Response(sample["status"], headers=headers, content=content.encode())

    return httpx2.MockTransport(answer)


@pytest.fixture(autouse=True)
def keys(settings: Any) -> None:
    settings.OPENAI_API_KEY = settings.ANTHROPIC_API_KEY = "test-key"


def ask_openai(name: str, lines: list[Line], seen: list[Any], emit: Any = lambda _: None) -> Turn:
    model = openai_model("gpt-4o-mini", replay(name, seen))
    return model.turn(lines, TOOLS, prompt="You are Walker.", emit=emit)


def ask_anthropic(name: str, lines: list[Line], seen: list[Any]) -> Turn:
    model = anthropic_model("claude-sonnet-5-5", replay(name, seen))
    return model.turn(lines, TOOLS, prompt="You are Walker.", emit=lambda _: None)


HELLO = [Line("user", "hello")]


@pytest.mark.slow
def test_openai_stream_with_tool_call_is_parsed() -> None:
    turn = ask_openai(f"{CHAT}-please-raise-the-budget-stream-200", HELLO, [])
    assert turn.tool_requests[0].name == "propose_action"
    assert turn.tool_requests[0].arguments["amount"] == 150


@pytest.mark.slow
def test_openai_stream_of_text_is_emitted_in_pieces() -> None:
    pieces: list[str] = []
    turn = ask_openai(f"{CHAT}-hello-stream-200", HELLO, [], pieces.append)
    assert "".join(pieces) == turn.text
    assert turn.usage.output_tokens == 13


@pytest.mark.slow
def test_anthropic_stream_with_tool_call_is_parsed() -> None:
    turn = ask_anthropic("v1_messages-please-raise-the-budget-stream-200", HELLO, [])
    assert turn.tool_requests[0].arguments["campaign_id"] == "42"
    assert turn.stop == "tool_calls"


@pytest.mark.parametrize(
    ("sample", "code"),
    [(f"{CHAT}-rate-limit-me-429", "model_rate_limited"), (f"{CHAT}-overload-503", "model_unavailable")],
)
def test_openai_refusal_is_one_try_and_a_code(sample: str, code: str) -> None:
    seen: list[Any] = []
    with pytest.raises(ModelFailed, match=code):
        ask_openai(sample, HELLO, seen)
    assert len(seen) == 1


def test_anthropic_rate_limit_is_one_try_and_a_code() -> None:
    seen: list[Any] = []
    with pytest.raises(ModelFailed, match="model_rate_limited"):
        ask_anthropic("v1_messages-rate-limit-me-429", HELLO, seen)
    assert len(seen) == 1


def test_results_of_one_turn_go_back_to_anthropic_in_one_message() -> None:
    requests = (ToolRequest("a", "one", {}), ToolRequest("b", "two", {}))
    results = [Line("tool", "{}", call_id=r.call_id, tool_name=r.name) for r in requests]
    seen: list[Any] = []
    ask_anthropic(
        "v1_messages-please-raise-the-budget-stream-200",
        [*HELLO, Line("assistant", "", requests), *results],
        seen,
    )
    last = seen[0]["messages"][-1]
    assert [part["tool_use_id"] for part in last["content"]] == ["a", "b"]


def broken_json(seen: list[Any]) -> httpx2.MockTransport:
    text = json.loads((SAMPLES / f"{CHAT}-please-raise-the-budget-stream-200.json").read_text())
    frames = text["response"]["body"]["text"].split("\n\n")
    kept = [f for f in frames if '"arguments":"' not in f or '"name"' in f]
    cut = "\n\n".join(kept).replace('\\"arguments\\":\\"\\"', "").replace('"arguments":""', '"arguments":"{oops"')
    return httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=cut.encode())
    )


def test_bad_json_arguments_are_an_error_of_the_call() -> None:
    model = openai_model("gpt-4o-mini", broken_json([]))
    turn = model.turn(HELLO, TOOLS, prompt="", emit=lambda _: None)
    assert turn.tool_requests[0].error
    assert turn.tool_requests[0].arguments == {}


@pytest.mark.parametrize(
    "frame",
    [
        "null", "[]", "[" * 100_000, '{"choices": 5}', '{"choices": [null]}', '{"choices": [{"delta": 5}]}',
        '{"choices": [{"index": 0, "delta": {"tool_calls": 5}}]}', '{"choices": [], "usage": 5}',
        '{"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": {"a": 1}}]}',
        '{"created": 1e300, "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}',
        '{"type": "message_start", "message": 5}', '{"type": "message_delta", "delta": 5, "usage": 5}',
        '{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 5}}',
    ],
)  # fmt: skip
def test_answer_of_any_shape_is_a_turn_or_a_code(frame: str) -> None:
    kind = json.loads(frame).get("type", "") if frame.startswith('{"type') else ""

    def answer(_request: httpx2.Request) -> httpx2.Response:
        content = f"event: {kind}\ndata: {frame}\n\n" if kind else f"data: {frame}\n\ndata: [DONE]\n\n"
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content.encode())

    model = (anthropic_model if kind else openai_model)("some", httpx2.MockTransport(answer))
    with pytest.raises(ModelFailed, match="model_unreachable"):
        model.turn(HELLO, TOOLS, prompt="", emit=lambda _: None)


def test_half_a_character_is_a_question_mark() -> None:
    frame = '{"choices": [{"index": 0, "delta": {"content": "a\\ud800"}, "finish_reason": "stop"}]}'

    def answer(_request: httpx2.Request) -> httpx2.Response:
        content = f"data: {frame}\n\ndata: [DONE]\n\n".encode()
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)

    turn = openai_model("some", httpx2.MockTransport(answer)).turn(HELLO, TOOLS, prompt="", emit=lambda _: None)
    assert turn.text == "a?"


def test_unreachable_server_is_a_code() -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    model = openai_model("gpt-4o-mini", httpx2.MockTransport(refuse))
    with pytest.raises(ModelFailed, match="model_unreachable"):
        model.turn(HELLO, TOOLS, prompt="", emit=lambda _: None)


def test_missing_key_is_a_code(settings: Any) -> None:
    settings.OPENAI_API_KEY = ""
    with pytest.raises(ModelFailed, match="model_not_configured"):
        openai_model("gpt-4o-mini")
