"""Passages by their words: each word in the index carries the end of its collection's id."""

from django.db import migrations

# A word of one collection is another key than the same word of the next: a search reads what it may answer from.
WORDS = """
create function walker_passage_words(collection uuid, said tsvector) returns tsvector
language sql immutable strict parallel safe as $$
  select array_to_tsvector(array(
    select substr(collection::text, 25) || '/' || word
    from unnest(tsvector_to_array(said)) word where octet_length(word) < 200
  ))
$$
"""
INDEX = """
create index passages_by_words on agents_passage using gin (walker_passage_words(collection_id, search))
"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("agents", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(WORDS, "drop function walker_passage_words(uuid, tsvector)"),
        migrations.RunSQL(INDEX, "drop index passages_by_words"),
    ]
