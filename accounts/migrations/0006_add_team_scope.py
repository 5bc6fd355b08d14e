"""Let a member see only conversations of their own teams."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_add_push_subscriptions"),
    ]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="own_teams_only",
            field=models.BooleanField(
                default=False, help_text="Whether the person sees only conversations of their own teams."
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("own_teams_only", False), ("role__in", ["approver", "support", "viewer"]), _connector="OR"
                ),
                name="some_roles_see_all_teams",
            ),
        ),
    ]
