from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("channels_app", "0001_initial"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="inbounddelivery",
            name="deliveries_to_forget",
        ),
        migrations.AddIndex(
            model_name="inbounddelivery",
            index=models.Index(
                condition=models.Q(("body__isnull", False), ("state", "done")),
                fields=["tenant_id", "done_at"],
                name="deliveries_to_empty",
            ),
        ),
    ]
