"""Console pages of figures, exports and the daily brief; Django's autodiscovery imports this package."""

from analytics.admin import alerts, exports, figures, pages, people
