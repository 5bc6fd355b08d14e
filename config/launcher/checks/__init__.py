"""What `./walker test`, `check` and `bench` do."""
