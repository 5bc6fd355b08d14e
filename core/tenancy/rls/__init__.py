"""The database wall over every table: policies, grants, composite keys, append-only triggers."""

from core.tenancy.rls.install import lay_walls, problems
from core.tenancy.rls.tables import GLOBAL, all_models, walled_tables

__all__ = ["GLOBAL", "all_models", "lay_walls", "problems", "walled_tables"]
