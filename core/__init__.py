"""Ground that every other app stands on; imports nothing of ours."""
