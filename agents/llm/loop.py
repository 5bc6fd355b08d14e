"""The built-in orchestrator: ask the model, call its tools, at most six rounds."""

from uuid import UUID

from agents.llm.ports import (
    ANSWER_CUT,
    ANSWER_TOOL,
    WHOLE,
    CallTools,
    Emit,
    Line,
    Model,
    ModelFailed,
    Orchestrator,
    RunContext,
    RunOutcome,
    Source,
    Usage,
)


class BuiltinLoop(Orchestrator):
    """Asks the model and calls its tools until it has nothing left to call."""

    key = "builtin"

    def __init__(self, model: Model) -> None:
        self._model = model

    def run(self, context: RunContext, *, call_tools: CallTools, emit: Emit) -> RunOutcome:
        lines = list(context.lines)
        usage = Usage()
        for number in range(1, context.max_rounds + 1):
            try:
                turn = self._model.turn(lines, context.tools, prompt=context.prompt, emit=emit)
            except ModelFailed as failure:
                return RunOutcome("", number, usage, error=failure.code)
            usage = usage.plus(turn.usage)
            if turn.stop not in WHOLE:
                # Neither its words nor its calls count: what is missing may turn their meaning around.
                return RunOutcome("", number, usage, error=ANSWER_CUT)
            if not turn.tool_requests:
                text = turn.text.strip()
                return RunOutcome(text, number, usage, error="" if text else "empty_answer")
            lines.append(Line("assistant", turn.text, turn.tool_requests))
            results = call_tools(turn.tool_requests, number)
            lines += results
            # Only our own tool's result ends a turn, never words in another one's.
            answer = next((line for line in results if line.tool_name == ANSWER_TOOL and "text" in line.result), None)
            if answer is not None:
                sources = tuple(Source(int(one["n"]), UUID(one["passage"])) for one in answer.result["sources"])
                return RunOutcome(str(answer.result["text"]), number, usage, sources=sources)
        return RunOutcome("", context.max_rounds, usage, error="too_many_rounds")
