"""What agents can call: reading tools answer, acting tools only request an approval."""
