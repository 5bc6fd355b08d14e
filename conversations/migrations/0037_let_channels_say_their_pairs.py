"""Which pairs of kind and provider there are is said by the registered channels, no longer by a list in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0036_find_accounts_by_provider_account"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="channelaccount",
            name="account_has_a_provider_of_its_kind",
        ),
        migrations.AddConstraint(
            model_name="channelaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__regex", "^[a-z][a-z_]*$"), ("provider__regex", "^[a-z][a-z_]*$")),
                name="account_has_a_provider_of_its_kind",
            ),
        ),
    ]
