"""The flows of the sandbox Langflow, and what each of them does with a message."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]
IDS = {
    name: f"0f20c3bc-6362-47f6-bcc4-{number:012x}"
    for number, name in enumerate(("echo", "tools", "fails", "empty", "drops", "cut", "pauses", "two", "mixed", "huge"))
}
NAMES = {key: name for name, key in IDS.items()}
HUGE = 3_000_000


def definition(flow_id: str, text: str) -> Document:
    """Return a flow as `GET /api/v1/flows/{id}` does; its text is what people change in Langflow."""
    name = NAMES[flow_id]
    middle = "HumanInput" if name == "pauses" else "Prompt"
    kinds = ("ChatInput", middle, "ChatOutput")
    nodes = [
        {
            "id": f"{kind}-{name}",
            "type": "genericNode",
            "position": {"x": 100 * place, "y": 0},
            "data": {"id": f"{kind}-{name}", "type": kind, "node": {"template": {"text": {"value": text}}}},
        }
        for place, kind in enumerate(kinds)
    ]
    edges = [{"id": f"e{place}", "source": nodes[place]["id"], "target": nodes[place + 1]["id"]} for place in (0, 1)]
    data = {"nodes": nodes, "edges": edges, "viewport": {"x": 0, "y": 0, "zoom": 1}}
    return {"id": flow_id, "name": name, "endpoint_name": name, "data": data}


def texts_of(name: str, text: str, variables: Mapping[str, str]) -> list[str]:
    """Return what a flow says to a message: one text for each of its Chat Outputs."""
    if name == "two":
        return ["First.", f"Second: {text}"]
    if name == "tools":
        return [use_tools(text, variables)]
    return [{"empty": "", "huge": "a" * HUGE}.get(name, f"You said: {text}")]


def use_tools(text: str, variables: Mapping[str, str]) -> str:
    """Let a flow call tools over MCP: a line such as `list_campaigns {}` is one call."""
    url, token = variables["WALKER_MCP_URL"], variables["WALKER_MCP_TOKEN"]
    said = []
    for number, line in enumerate(text.splitlines(), start=1):
        name, _, arguments = line.strip().partition(" ")
        params: Document = {"name": name, "arguments": json.loads(arguments or "{}")}
        answer = call(url, token, "tools/call", params, number=number)
        result = answer.get("result") or {}
        said.append(" ".join(part.get("text", "") for part in result.get("content", [])) or json.dumps(answer))
    return "\n".join(said)


def call(url: str, token: str, method: str, params: Document, *, number: int = 1) -> Document:
    """Make one request over MCP."""
    body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310  (the address that we were given)
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        found: Document = json.load(answer)
    return found
