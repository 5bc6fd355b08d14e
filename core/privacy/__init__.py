"""Personal data: masking, encryption and erasure."""
