"""The tools of one run over MCP (Streamable HTTP), for the flow that answers it, and of one trial."""
