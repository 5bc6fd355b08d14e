"""Refuse a negative reservation: it would leave more room than a limit allows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [("hitl", "0009_know_people_of_requests")]

    operations = [
        migrations.AddConstraint(
            model_name="capreservation",
            constraint=models.CheckConstraint(condition=models.Q(amount__gte=0), name="reservation_is_no_credit"),
        ),
    ]
