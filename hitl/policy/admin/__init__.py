"""Console pages of workflows, approver groups, calendars and limits."""
