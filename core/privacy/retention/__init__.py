"""For how long data is kept: what each kind of it is, what an organisation chose, and legal holds."""
