"""The store of events: written by the consumer `log`, read by replays and exports."""
