"""Benchmarks: `./walker bench <name>` runs bench/<name>.py against a whole fresh Walker with durable services."""
