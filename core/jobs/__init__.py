"""Background jobs: the base task and failed jobs."""
