"""What the tests of approvals share: people, kinds, an outside world, and the engine once more in plain Python."""
