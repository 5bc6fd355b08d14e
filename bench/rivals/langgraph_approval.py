"""Propose, approve and execute with LangGraph's interrupt and PostgresSaver."""

import sys
from pathlib import Path
from typing import Any, TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from bench.rivals._common import RUN, Effects, arguments, raced, report, timed


class State(TypedDict, total=False):
    """What goes through the graph."""

    key: str
    amount: str
    verdict: str


def main() -> None:
    """Measure and report."""
    dsn, count, races = arguments()
    effects = Effects(dsn)

    def ask(state: State) -> State:
        return {"verdict": interrupt({"amount": state["amount"]})}

    def act(state: State) -> State:
        effects.cause(state["key"])
        return {}

    builder = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_node("act", act)
    builder.add_edge(START, "ask")
    builder.add_conditional_edges("ask", lambda state: "act" if state["verdict"] == "approve" else END, ["act", END])
    builder.add_edge("act", END)
    kept = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    with ConnectionPool(dsn, min_size=4, max_size=20, kwargs=kept) as pool:
        saver = PostgresSaver(pool)
        saver.setup()
        graph = builder.compile(checkpointer=saver)
        found: dict[str, Any] = {}
        for durability in ("sync", "async"):

            def begin(name: str, durability: Any = durability) -> dict[str, Any]:
                config = {"configurable": {"thread_id": name}}
                graph.invoke({"key": name, "amount": "900.00"}, config, durability=durability)
                return config

            def whole(number: int, durability: Any = durability) -> None:
                config = begin(f"{RUN}-{durability}-{number}")
                graph.invoke(Command(resume="approve"), config, durability=durability)

            found[durability] = timed(whole, count)

        def approve(number: int, config: Any, racer: int) -> None:
            graph.invoke(Command(resume="approve"), config, durability="sync")

        refused = raced(lambda number: begin(f"race-{RUN}-{number}", "sync"), approve, races)
    once, doubled = effects.doubled("race-")
    report(seconds=found, once=once, doubled=doubled, refused=refused)


if __name__ == "__main__":
    main()
