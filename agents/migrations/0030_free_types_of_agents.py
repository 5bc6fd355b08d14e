"""Types and categories of agents are free text: what a company calls its fields of work."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Only the choices go; the columns stay."""

    dependencies = [("agents", "0029_lease_runs")]

    operations = [
        migrations.AlterField("agent", "type", models.CharField(max_length=10)),
        migrations.AlterField("agent", "category", models.CharField(max_length=12)),
    ]
