"""The database wall over every table: policies, grants, composite keys, append-only triggers."""

from core.walls.laying import lay_walls, problems
from core.walls.tables import GLOBAL, all_models, walled_tables

__all__ = ["GLOBAL", "all_models", "lay_walls", "problems", "walled_tables"]
