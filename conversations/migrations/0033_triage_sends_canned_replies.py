"""Triage rules send canned replies; the confidence of an agent's last answer is a fact."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0032_guard_erasures_of_merged_contacts"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="confidence",
            field=models.PositiveSmallIntegerField(
                help_text="Of the agent's last answer, from 0 to 100; empty if it wasn't measured.", null=True
            ),
        ),
        migrations.AddField(
            model_name="triage",
            name="reply",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="conversations.cannedreply",
            ),
        ),
        migrations.AddField(
            model_name="triage",
            name="reply_due_at",
            field=models.DateTimeField(help_text="When the canned reply is sent; empty once that is done.", null=True),
        ),
        migrations.AddField(
            model_name="triage",
            name="reply_key",
            field=models.UUIDField(help_text="The message's id: one per conversation and rule.", null=True),
        ),
        migrations.AddField(
            model_name="triagerule",
            name="reply",
            field=models.ForeignKey(
                help_text="Sent to the customer, once.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="conversations.cannedreply",
            ),
        ),
        migrations.AddIndex(
            model_name="triage",
            index=models.Index(
                condition=models.Q(("reply_due_at__isnull", False)), fields=["reply_due_at"], name="triages_to_answer"
            ),
        ),
    ]
