"""When somebody who can approve a request first opened it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hitl", "0022_name_the_channel_of_a_link"),
    ]

    operations = [
        migrations.AddField(
            model_name="approval",
            name="first_viewed_at",
            field=models.DateTimeField(null=True),
        ),
    ]
