"""Teams, who of them is there, and which conversations they see."""
