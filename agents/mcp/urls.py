"""The route of the MCP endpoint."""

from django.urls import path

from agents.mcp import door

urlpatterns = [path("mcp/<uuid:agent_id>/", door.serve_tools, name="mcp")]
