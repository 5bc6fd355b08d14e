"""Create the definer functions: look-ups before the tenant is known, and searches within one."""

from collections.abc import Iterator

from core.tenancy import lookups


def groups() -> Iterator[list[str]]:
    """Yield the statements for all functions declared in `core.tenancy.lookups`, each list for a transaction."""
    yield _readable("accounts_tenant", "id, is_active")
    for resolver in lookups.declared():
        yield from _resolver_statements(resolver)
    for search in lookups.searches():
        yield from _search_statements(search)


def _readable(table: str, columns: str) -> list[str]:
    return [
        f'grant select ({columns}) on "{table}" to walker_resolver',
        f'drop policy if exists walker_resolver_wall on "{table}"',
        f'create policy walker_resolver_wall on "{table}" for select to walker_resolver using (true)',
    ]


def _drop_other(signature: str, returned: str) -> str:
    """Drop a function only if it returns other columns: who calls one at that moment would find none."""
    return f"""
    do $$ begin
      if pg_get_function_result(to_regprocedure('{signature}')) <> 'TABLE({returned})' then
        drop function {signature};
      end if;
    end $$
    """


def _resolver_statements(resolver: lookups.Resolver) -> Iterator[list[str]]:
    columns = [column for column, _ in resolver.columns]
    readable = ", ".join(sorted({*columns, *resolver.reads, resolver.match}))
    returned = ", ".join(f"{column} {kind}" for column, kind in resolver.returned)
    of_tenant = [f"(select {said} from accounts_tenant x where x.id = t.tenant_id)" for *_, said in resolver.of_tenant]
    beside = [f"({said})" for *_, said in resolver.beside]
    selected = ", ".join([*(f"t.{column}" for column in columns), *of_tenant, *beside])
    signature = f"{resolver.function}(text)"
    is_active = "and exists (select 1 from accounts_tenant x where x.id = t.tenant_id and x.is_active)"
    condition = f"{resolver.condition} {is_active}" if resolver.active_tenant else resolver.condition
    if resolver.reads_of_tenant:
        yield [f"grant select ({', '.join(resolver.reads_of_tenant)}) on accounts_tenant to walker_resolver"]
    for table, read in ((resolver.table, readable), *resolver.reads_beside):
        yield _readable(table, read)
    yield [
        _drop_other(signature, returned),
        f"create or replace function {resolver.function}(key text) returns table ({returned}) "
        "language sql stable security definer set search_path = public, pg_temp as "
        f'$$ select {selected} from "{resolver.table}" t '
        f"where t.{resolver.match}::text = key and {condition} $$",
        *_hand_over(signature),
    ]


def _hand_over(signature: str) -> Iterator[str]:
    """Grant a function to the application, and make the resolver its owner."""
    yield f"revoke all on function {signature} from public"
    yield f"grant execute on function {signature} to walker_app"
    yield "grant create on schema public to walker_resolver"
    yield f"alter function {signature} owner to walker_resolver"
    yield "revoke create on schema public from walker_resolver"


def _search_statements(search: lookups.Search) -> Iterator[list[str]]:
    readable = ", ".join(sorted({"tenant_id", search.newest, *search.reads, *(column for column, _ in search.found)}))
    returned = ", ".join(f"{column} {kind}" for column, kind in search.found)
    selected = ", ".join(f"t.{column}" for column, _ in search.found)
    signature = f"{search.function}(text, int)"
    yield _readable(search.table, readable)
    rows = f'"{search.table}" t where t.tenant_id = tenant'
    in_order = f"order by t.{search.newest} desc limit most"
    find = f"return query select {selected} from {rows} and {search.words} @@ wanted {in_order};"
    if search.has_newest_index:
        # Under row-level security the planner reads no statistics of words, so it can't tell a rare one, which is read
        # by its index, from one that half of the rows have, which is among the newest. Materialized, for the former:
        # else it may read all rows from the newest on.
        newest = f"(select {readable} from {rows} order by t.{search.newest} desc limit 2 * most) t"
        common = f"from {newest} where {search.words} @@ wanted"
        every = f"select {selected}, t.{search.newest} as newest from {rows} and {search.words} @@ wanted"
        find = (
            f"if (select count(*) >= most {common}) then return query select {selected} {common} {in_order}; "
            f"else return query with t as materialized ({every}) "
            f"select {selected} from t order by newest desc limit most; end if;"
        )
    yield [
        _drop_other(signature, returned),
        f"create or replace function {search.function}(asked text, most int) returns table ({returned}) "
        "language plpgsql stable security definer set search_path = public, pg_temp "
        "set plan_cache_mode = force_custom_plan set enable_seqscan = off as $$ #variable_conflict use_column\n"
        "declare tenant uuid := nullif(current_setting('walker.tenant', true), '')::uuid; wanted tsquery; begin "
        f"wanted := {search.asked}; most := least(greatest(most, 0), 1000); "
        "if tenant is null or wanted is null then return; end if; "
        f"{find} end $$",
        *_hand_over(signature),
    ]
