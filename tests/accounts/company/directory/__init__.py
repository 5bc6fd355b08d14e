"""The company's directory: people and groups that it pushes by SCIM."""
