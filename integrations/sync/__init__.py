"""What is read from outside systems again and again, by a cursor a connection and stream."""
