from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("integrations", "0006_audit_destinations"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="maildelivery",
            name="mail_with_its_text",
        ),
        migrations.AddIndex(
            model_name="maildelivery",
            index=models.Index(
                condition=models.Q(("text__isnull", False)),
                fields=["tenant_id", "id"],
                name="mail_with_its_text",
            ),
        ),
    ]
