"""Functions for the words of requests: each word in the index carries the end of its tenant's id."""

from django.db import migrations

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


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = []

    operations = [
        migrations.RunSQL(WORDS, "drop function walker_request_words(uuid, text)"),
        migrations.RunSQL(ASKED, "drop function walker_asked_request_words(uuid, text)"),
    ]
