"""Search requests by word: each word in the index carries the end of its tenant's id."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import core.ids
import core.tenancy.scope
from core.tenancy.scope import platform_scope, tenant_scope
from hitl.approvals.models.search import text_of

AT_ONCE = 2000
# As messages are searched: a word of one tenant is another key than the same word of the next, and `simple`, as
# people write in many languages.
WORDS = """
create function walker_request_words(tenant uuid, said text) returns tsvector
language sql immutable strict parallel safe as $$
  select array_to_tsvector(array(
    select substr(tenant::text, 25) || '/' || word
    from unnest(tsvector_to_array(to_tsvector('pg_catalog.simple'::regconfig, said))) word
    where octet_length(word) < 200
  ))
$$
"""
# Every word asked for is the beginning of a word of the request; at most twelve.
ASKED = """
create function walker_asked_request_words(tenant uuid, asked text) returns tsquery
language sql immutable strict parallel safe as $$
  select string_agg('''' || replace(replace(substr(tenant::text, 25) || '/' || word, '\\', '\\\\'), '''', '''''')
    || ''':*', ' & ')::tsquery
  from (
    select word from unnest(tsvector_to_array(to_tsvector('pg_catalog.simple'::regconfig, left(asked, 200)))) word
    where octet_length(word) < 200 limit 12
  ) words
$$
"""


def write_texts(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    approvals, texts = apps.get_model("hitl", "Approval"), apps.get_model("hitl", "ApprovalText")
    with platform_scope():
        tenants = list(apps.get_model("accounts", "Tenant").objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            rows = approvals.objects.filter(tenant_id=tenant_id).order_by("pk")
            rows, last = rows.only("summary", "subject_key", "facts", "tags"), None
            while found := list((rows.filter(pk__gt=last) if last else rows)[:AT_ONCE]):
                new = (texts(tenant_id=tenant_id, approval=row, masked_text=text_of(row)) for row in found)
                texts.objects.bulk_create(list(new))
                last = found[-1].pk


class Migration(migrations.Migration):
    dependencies = [
        ("hitl", "0013_add_notification_preferences"),
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(WORDS, "drop function walker_request_words(uuid, text)"),
        migrations.RunSQL(ASKED, "drop function walker_asked_request_words(uuid, text)"),
        migrations.CreateModel(
            name="ApprovalText",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "approval",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="hitl.approval",
                    ),
                ),
                ("masked_text", models.TextField(blank=True)),
                (
                    "words",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func(
                            models.F("tenant_id"), models.F("masked_text"), function="walker_request_words"
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
            ],
            options={
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fastupdate=True, fields=["words"], gin_pending_list_limit=256, name="approvals_by_words"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "approval"), name="one_text_per_approval")
                ],
            },
        ),
        migrations.RunPython(write_texts, migrations.RunPython.noop),
    ]
