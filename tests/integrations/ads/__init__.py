"""What every advertising platform does with changes whose answers are lost or that somebody else crosses."""
