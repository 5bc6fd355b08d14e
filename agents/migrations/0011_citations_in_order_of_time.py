from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("agents", "0010_help_centres"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="citation",
            index=models.Index(
                fields=["tenant_id", "document", "created_at"],
                include=["message"],
                name="citations_by_document_and_time",
            ),
        ),
        migrations.RemoveIndex(model_name="citation", name="citations_by_document"),
    ]
