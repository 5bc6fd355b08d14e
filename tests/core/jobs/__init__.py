"""Tasks, the clock of sweeps, failed jobs."""
