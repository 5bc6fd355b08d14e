"""The one way HTTP endpoints of the API are built: errors, paging, throttles, repeated requests, masks."""
