"""Search messages by word: each word in the index carries the end of its tenant's id."""

from django.db import migrations

# A word of one tenant is another key than the same word of the next: a search reads what its own tenant said.
# `simple`: people write in many languages, and in several at once.
WORDS = """
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
ASKED = """
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
# A small list of what is new: the statement that fills it moves its words into the index, and waits for that.
INDEX = """
create index messages_by_words on conversations_message
using gin (walker_words(tenant_id, masked_body)) with (fastupdate = on, gin_pending_list_limit = 256)
"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("conversations", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(WORDS, "drop function walker_words(uuid, text)"),
        migrations.RunSQL(ASKED, "drop function walker_asked_words(uuid, text)"),
        migrations.RunSQL(INDEX, "drop index messages_by_words"),
    ]
