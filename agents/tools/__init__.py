"""What agents can call: reading tools answer, acting tools only ask for a signature."""
