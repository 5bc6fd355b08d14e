"""Models of analytics, one file per subject."""

from analytics.models.alerts import Alert, AlertMessage, AlertRule, AlertSettings, Severity, Way
from analytics.models.briefs import Brief, BriefPreference, every_section
from analytics.models.events import StoredEvent
from analytics.models.exports import ARCHIVE, Export, ExportPiece, ExportSchedule, Format
from analytics.models.figures import Dimension, Figure, FigureDashboard, FigureDay, FigureHour, GaugeSample
from analytics.models.person_requests import PersonRequest
