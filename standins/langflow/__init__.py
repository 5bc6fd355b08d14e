"""The sandbox Langflow: flows by a script, in the shapes that a real Langflow 1.13 was recorded with."""
