from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("analytics", "0005_ready_made_rules"),
    ]

    operations = [
        migrations.AlterField(
            model_name="export",
            name="format",
            field=models.CharField(
                choices=[
                    ("csv", "CSV table"),
                    ("xlsx", "Excel sheet (XLSX)"),
                    ("parquet", "Parquet, for programs"),
                    ("jsonl", "JSON lines, for programs"),
                    ("zip", "Archive (ZIP)"),
                ],
                max_length=8,
            ),
        ),
    ]
