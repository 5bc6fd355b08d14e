"""Programs that run vendors' own packages, each in a process of its own: their dependencies are not ours."""
