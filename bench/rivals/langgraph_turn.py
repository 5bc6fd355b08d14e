"""A model's wish, one reading call and an answer as a LangGraph graph whose state PostgresSaver keeps."""

import operator
import sys
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from bench.rivals._common import ANSWER, QUESTION, READ, RUN, Counting, arguments, fill, report, timed


class State(TypedDict, total=False):
    """The messages of a thread."""

    messages: Annotated[list[dict[str, Any]], operator.add]


def main() -> None:
    """Measure and report; with durability "sync", as nothing accepted may be lost."""
    dsn, count, _ = arguments()
    kept = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row, "cursor_factory": Counting}
    with ConnectionPool(dsn, min_size=2, max_size=4, kwargs=kept) as pool:
        with pool.connection() as connection:
            for statement in fill():
                connection.execute(statement.encode())
        saver = PostgresSaver(pool)
        saver.setup()

        def model(state: State) -> State:
            if state["messages"][-1]["role"] == "tool":
                return {"messages": [{"role": "assistant", "content": ANSWER}]}
            return {"messages": [{"role": "assistant", "content": "", "call": {"key": 7}}]}

        def read(state: State) -> State:
            with pool.connection() as connection:
                row: Any = connection.execute(READ.encode(), [state["messages"][-1]["call"]["key"]]).fetchone()
            return {"messages": [{"role": "tool", "content": row["value"]}]}

        builder = StateGraph(State)
        builder.add_node("model", model)
        builder.add_node("read", read)
        builder.add_edge(START, "model")
        builder.add_conditional_edges(
            "model", lambda state: "read" if "call" in state["messages"][-1] else END, ["read", END]
        )
        builder.add_edge("read", "model")
        graph = builder.compile(checkpointer=saver)

        def whole(number: int) -> None:
            config: Any = {"configurable": {"thread_id": f"{RUN}-{number}"}}
            asked: Any = {"messages": [{"role": "user", "content": QUESTION}]}
            graph.invoke(asked, config, durability="sync")

        began = time.process_time()
        seconds = timed(whole, count)
        cpu = (time.process_time() - began) / (count + 20)
        Counting.sent.clear()
        whole(10**6)
        report(seconds=seconds, cpu=cpu, statements=list(Counting.sent))


if __name__ == "__main__":
    main()
