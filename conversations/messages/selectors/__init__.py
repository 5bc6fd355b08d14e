"""Read messages: for staff masked, for the customer their own."""
