"""The organisation's own security system (SIEM), which gets the audit log: in order, at least once."""
