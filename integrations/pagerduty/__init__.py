"""PagerDuty's Events API, version 2: begin, acknowledge and end an incident."""
