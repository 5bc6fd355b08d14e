"""The demo: two organisations with people, channels, workflows and two weeks of history."""
