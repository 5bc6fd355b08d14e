from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("agents", "0011_citations_in_order_of_time"),
    ]

    operations = [
        migrations.AddField(
            model_name="document",
            name="file_digest",
            field=models.CharField(blank=True, help_text="SHA-256 of the bytes of an uploaded file.", max_length=64),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.UniqueConstraint(
                condition=models.Q(("file_digest__gt", ""), ("state__in", ["reading", "ready"])),
                fields=("tenant_id", "collection", "file_digest"),
                name="one_document_per_file",
            ),
        ),
    ]
