"""Who may see and change connections, and how the audit log names them."""

from typing import Final

VIEW: Final = "integrations.view_connection"
MANAGE: Final = "integrations.manage_connection"
OBJECT: Final = "integrations.provideraccount"
MISSING: Final = "This connection doesn't exist."
