"""The company's directory: it pushes people and groups by SCIM 2.0, and who is switched off there is out here."""
