"""Our SCIM service before an independent directory."""
