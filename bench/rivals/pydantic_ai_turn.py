"""A model's wish, one reading call and an answer as a pydantic-ai agent, its messages kept as one row."""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psycopg
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from bench.rivals._common import ANSWER, QUESTION, READ, RUN, Counting, arguments, fill, report, timed

MAKE = "create table if not exists bench_turn_thread (thread text primary key, messages jsonb not null)"
KEEP = "insert into bench_turn_thread (thread, messages) values (%s, %s)"


def main() -> None:
    """Measure and report."""
    dsn, count, _ = arguments()
    with psycopg.connect(dsn, autocommit=True, cursor_factory=Counting) as connection:
        for statement in (*fill(), MAKE):
            connection.execute(statement.encode())

        def script(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
            if len(messages) > 1:
                return ModelResponse(parts=[TextPart(ANSWER)])
            return ModelResponse(parts=[ToolCallPart("read", {"key": 7})])

        agent = Agent(FunctionModel(script))

        @agent.tool_plain
        def read(key: int) -> str:
            """Read one row."""
            row: Any = connection.execute(READ.encode(), [key]).fetchone()
            return str(row[0])

        def whole(number: int) -> None:
            result = agent.run_sync(QUESTION)
            connection.execute(KEEP.encode(), [f"{RUN}-{number}", result.all_messages_json().decode()])

        began = time.process_time()
        seconds = timed(whole, count)
        cpu = (time.process_time() - began) / (count + 20)
        Counting.sent.clear()
        whole(10**6)
        report(seconds=seconds, cpu=cpu, statements=list(Counting.sent))


if __name__ == "__main__":
    main()
