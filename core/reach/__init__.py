"""Who may be written to, how and when: the consent ledger, reply windows, limits, and the gate every sender asks."""
