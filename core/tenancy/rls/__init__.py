"""Row-level security of every table: policies, grants, composite keys, append-only triggers."""

from core.tenancy.rls.install import install_policies, problems
from core.tenancy.rls.tables import GLOBAL, all_models, walled_tables
