"""A company's own back office, after the contract docs/reference/back-office.openapi.yaml."""
