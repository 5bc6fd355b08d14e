"""Console pages of figures, exports, privacy requests and briefs; Django's autodiscovery imports this package."""

from analytics.admin import alerts, exports, figures, pages, people, person_requests
