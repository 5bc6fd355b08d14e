"""Who a contact is: normalised addresses and audience identities."""
