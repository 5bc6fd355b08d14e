"""A description of the database's schema as text, one object a line, for comparing and reviewing.

Of columns only what no model can say: defaults, domains, collations, grants, and identity or generated ones.
"""

from collections import defaultdict

from django.db import connection

# Each gives the table (or empty), what the object is called, and its definition. What belongs to the owner goes without
# saying, and so do the names of sequences behind identity columns.
_GRANTED = """
(select string_agg(line, '; ' order by line collate "C") from (
  select case grantee when 0 then 'public' else pg_get_userbyid(grantee) end || ': '
    || string_agg(privilege_type || case when is_grantable then ' with grant' else '' end, ', '
                  order by privilege_type collate "C") line
  from aclexplode({acl}) where grantee <> {owner} group by grantee
) granted)
"""
_TABLES = f"""
select c.relname, 'table', concat_ws('; ',
  'owner ' || pg_get_userbyid(c.relowner),
  case when c.relrowsecurity then 'row security' end,
  case when c.relforcerowsecurity then 'forced' end,
  nullif(array_to_string(c.reloptions, ', '), ''),
  'grants ' || {_GRANTED.format(acl="coalesce(c.relacl, acldefault('r', c.relowner))", owner="c.relowner")},
  'kind ' || nullif(c.relkind::text, 'r'), 'persistence ' || nullif(c.relpersistence::text, 'p'))
from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
"""
_COLUMNS = f"""
select c.relname, 'column', concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
  case when a.attnotnull then 'not null' end,
  'default ' || pg_get_expr(d.adbin, d.adrelid),
  case a.attidentity when 'd' then 'identity by default' when 'a' then 'identity always' end,
  'generated ' || nullif(a.attgenerated::text, ''),
  'collate ' || (select collname from pg_collation where oid = a.attcollation and collname <> 'default'),
  '(grants ' || {_GRANTED.format(acl="a.attacl", owner="c.relowner")} || ')')
from pg_attribute a join pg_class c on c.oid = a.attrelid
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
join pg_type t on t.oid = a.atttypid left join pg_collation o on o.oid = a.attcollation
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and a.attnum > 0 and not a.attisdropped
  -- The others are as the models say, which `test_columns` compares.
  and (d.oid is not null or a.attidentity <> '' or a.attgenerated <> '' or a.attacl is not null or t.typtype = 'd'
       or o.collname <> 'default')
"""
_CONSTRAINTS = """
select coalesce(c.relname, ''), 'constraint', concat_ws(' ',
  case when t.typname is not null then 'of domain ' || t.typname end,
  k.conname, pg_get_constraintdef(k.oid), case when not k.convalidated then 'not valid' end)
from pg_constraint k left join pg_class c on c.oid = k.conrelid left join pg_type t on t.oid = k.contypid
where k.connamespace = 'public'::regnamespace and k.contype in ('c', 'f', 'p', 'u', 'x')
"""
_INDEXES = """
select c.relname, 'index', concat_ws(' ',
  pg_get_indexdef(i.indexrelid), case when not i.indisvalid then 'not valid' end)
from pg_index i join pg_class c on c.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
join pg_am a on a.oid = x.relam
-- Those of vectors are made where the server has the extension.
where c.relnamespace = 'public'::regnamespace and a.amname <> 'hnsw'
"""
_TRIGGERS = """
select c.relname, 'trigger', pg_get_triggerdef(t.oid) || ' enabled ' || t.tgenabled::text
from pg_trigger t join pg_class c on c.oid = t.tgrelid
where c.relnamespace = 'public'::regnamespace and not t.tgisinternal
"""
_POLICIES = """
select tablename, 'policy', concat_ws(' ', policyname, permissive, 'for', cmd, 'to', array_to_string(roles, ', '),
  'using (' || qual || ')', 'with check (' || with_check || ')')
from pg_policies where schemaname = 'public'
"""
_COMMENTS = """
select c.relname, 'comment', concat_ws(' ', a.attname, 'is', d.description)
from pg_description d join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
left join pg_attribute a on a.attrelid = c.oid and a.attnum = nullif(d.objsubid, 0)
where c.relnamespace = 'public'::regnamespace
"""
_RULES = """
select c.relname, 'rule', pg_get_ruledef(r.oid) from pg_rewrite r join pg_class c on c.oid = r.ev_class
where c.relnamespace = 'public'::regnamespace
"""
_SEQUENCES = f"""
select coalesce(o.relname, ''), 'sequence', concat_ws('; ', c.relname,
  format_type(s.seqtypid, null) || ' from ' || s.seqstart || ' by ' || s.seqincrement,
  case when s.seqcycle then 'cycle' end,
  'of ' || o.relname || '.' || a.attname, 'owner ' || pg_get_userbyid(c.relowner),
  'grants ' || {_GRANTED.format(acl="coalesce(c.relacl, acldefault('s', c.relowner))", owner="c.relowner")})
from pg_sequence s join pg_class c on c.oid = s.seqrelid
left join pg_depend p on p.objid = c.oid and p.classid = 'pg_class'::regclass and p.deptype in ('a', 'i')
left join pg_class o on o.oid = p.refobjid left join pg_attribute a on a.attrelid = o.oid and a.attnum = p.refobjsubid
where c.relnamespace = 'public'::regnamespace
"""
_DOMAINS = f"""
select '', 'domain', concat_ws(' ', t.typname, format_type(t.typbasetype, t.typtypmod),
  case when t.typnotnull then 'not null' end, 'default ' || t.typdefault,
  '(owner ' || pg_get_userbyid(t.typowner) || ')',
  '(grants ' || {_GRANTED.format(acl="coalesce(t.typacl, acldefault('T', t.typowner))", owner="t.typowner")} || ')')
from pg_type t where t.typnamespace = 'public'::regnamespace and t.typtype in ('d', 'e', 'r')
"""
_FUNCTIONS = f"""
select '', 'function', replace(rtrim(pg_get_functiondef(p.oid), E'\\n'), 'CREATE OR REPLACE FUNCTION public.', '')
  || concat_ws('; ', E'\\nowner ' || pg_get_userbyid(p.proowner),
  'grants ' || {_GRANTED.format(acl="coalesce(p.proacl, acldefault('f', p.proowner))", owner="p.proowner")})
from pg_proc p where p.pronamespace = 'public'::regnamespace
  and not exists (select from pg_depend e where e.objid = p.oid and e.deptype = 'e')
"""
_OTHERS = f"""
select '', 'extension', extname from pg_extension where extname <> 'vector'
union all select '', 'event trigger', evtname || ' on ' || evtevent from pg_event_trigger
union all select '', 'schema', concat_ws('; ', nspname, 'grants ' || {_GRANTED.format(acl="nspacl", owner="nspowner")})
from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
union all select '', 'default privileges', concat_ws('; ', pg_get_userbyid(defaclrole) || ' ' || defaclobjtype::text,
  'grants ' || {_GRANTED.format(acl="defaclacl", owner="defaclrole")}) from pg_default_acl
"""
# In the order in which a section lists them.
_QUERIES = (
    *(_TABLES, _COLUMNS, _CONSTRAINTS, _INDEXES, _TRIGGERS, _POLICIES, _COMMENTS, _RULES, _SEQUENCES),
    *(_OTHERS, _DOMAINS, _FUNCTIONS),
)


def describe() -> str:
    """Return the schema of the current database: what belongs to no table first, then table by table."""
    sections: dict[str, list[str]] = defaultdict(list)
    with connection.cursor() as cursor:
        for query in _QUERIES:
            cursor.execute(query)
            for table, kind, definition in sorted(cursor.fetchall()):
                sections[table].append(_indented(f"{kind} {definition}"))
    return "\n".join(f"# {table or 'of no table'}\n{''.join(sections[table])}" for table in sorted(sections))


def _indented(text: str) -> str:
    first, *more = (line.rstrip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in (first, *(f"    {line}".rstrip() for line in more)))
