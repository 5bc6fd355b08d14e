"""Ticket systems: the port's contract, held by each adapter, and the requests that change tickets."""
