"""The product seen by people who should get nowhere."""
