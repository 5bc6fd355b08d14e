from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("hitl", "0012_empty_requests_by_age"),
    ]

    operations = [
        migrations.AddField(
            model_name="approval",
            name="field_facts",
            field=models.JSONField(editable=False, null=True),
        ),
    ]
