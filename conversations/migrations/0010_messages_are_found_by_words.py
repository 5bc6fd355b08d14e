"""The index by which words of masked messages are found: each word carries the end of its tenant's id."""

from typing import ClassVar

from django.db import migrations, models

# A word of one tenant is another key than the same word of the next: a search reads what its own tenant said.
# `simple`: people write in many languages, and in several at once.
_WORDS = """
create function walker_words(tenant uuid, said text) returns tsvector
language sql immutable strict parallel safe as $$
  select array_to_tsvector(array(
    select substr(tenant::text, 25) || '/' || word
    from unnest(tsvector_to_array(to_tsvector('pg_catalog.simple'::regconfig, left(said, 16384)))) word
    where octet_length(word) < 200
  ))
$$
"""
# Every word asked for is the beginning of a word that was said; at most twelve.
_ASKED = """
create function walker_asked_words(tenant uuid, asked text) returns tsquery
language sql immutable strict parallel safe as $$
  select string_agg('''' || replace(replace(substr(tenant::text, 25) || '/' || word, '\\', '\\\\'), '''', '''''')
    || ''':*', ' & ')::tsquery
  from (
    select word from unnest(tsvector_to_array(to_tsvector('pg_catalog.simple'::regconfig, left(asked, 200)))) word
    where octet_length(word) < 200 limit 12
  ) words
$$
"""
# A small list of what is new: whoever fills it puts it in its place, and waits for that.
_INDEX = """
create index messages_by_words on conversations_message
using gin (walker_words(tenant_id, masked_body)) with (fastupdate = on, gin_pending_list_limit = 256)
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("conversations", "0009_conversations_by_day")]
    operations: ClassVar = [
        migrations.RunSQL(_WORDS, "drop function walker_words(uuid, text)"),
        migrations.RunSQL(_ASKED, "drop function walker_asked_words(uuid, text)"),
        migrations.RunSQL(_INDEX, "drop index messages_by_words"),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["tenant_id", "masked_name"], name="contacts_by_masked_name"),
        ),
    ]
