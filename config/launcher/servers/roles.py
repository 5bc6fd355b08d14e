"""The database roles of Walker, made through a role that may create roles; repeatable."""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from config.launcher.faults import StartError
from config.launcher.place import Place

OWNER = "walker_owner"
APP = "walker_app"
PLATFORM = "walker_platform"
RESOLVER = "walker_resolver"
_SALT = b"walker database roles"


@dataclass(frozen=True)
class Logins:
    """The two logins that the product uses: the application's, and the owner's for migrations."""

    app_url: str
    owner_url: str


def set_up(admin_url: str, *, owner_password: str, app_password: str, may_create_databases: bool = False) -> Logins:
    """Make the roles and hand the database over to its owner, through a role that may create roles.

    `may_create_databases` is for tests, whose owner makes the test databases.
    """
    passwords = {OWNER: owner_password, APP: app_password, PLATFORM: "", RESOLVER: ""}
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
        if admin.info.server_version < 160000:
            have = admin.info.server_version // 10000
            raise StartError(f"Walker needs PostgreSQL 16 or newer; DATABASE_URL names PostgreSQL {have}.")
        for role, password in passwords.items():
            found = admin.execute("select rolsuper, rolbypassrls from pg_roles where rolname = %s", [role]).fetchone()
            if found and any(found):
                raise StartError(
                    f"the role {role} exists and is a superuser or bypasses row security; take that from it."
                )
            if not found:
                _run(admin, "create role {}", role)
            if password:
                login = sql.SQL("alter role {} login password {}")
                admin.execute(login.format(sql.Identifier(role), sql.Literal(password)))
        if may_create_databases:
            _run(admin, "alter role {} createdb", OWNER)
        # Entered on purpose only: a member that inherits would see every tenant's rows.
        _run(admin, "grant {} to {} with inherit false, set true", PLATFORM, APP)
        # The owner hands its look-up functions over to the resolver.
        _run(admin, "grant {} to {} with inherit true, set true", RESOLVER, OWNER)
        _try_extension(admin)
        if may_create_databases:
            # In the template of new databases too, whose owner may not.
            with (
                contextlib.suppress(psycopg.Error),
                psycopg.connect(admin_url, dbname="template1", autocommit=True) as one,
            ):
                _try_extension(one)
        name = admin.info.dbname
        query = "select r.rolname from pg_database d join pg_roles r on r.oid = d.datdba where d.datname = %s"
        row = admin.execute(query, [name]).fetchone()
        if row is None or row[0] != OWNER:
            me = admin.info.user
            own = admin.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
            if own is None or not own[0]:
                _run(admin, "grant {} to {} with inherit true, set true", OWNER, me)
            _run(admin, "alter database {} owner to {}", name, OWNER)
        _run(admin, "revoke all on database {} from public", name)
        _run(admin, "grant connect, temporary on database {} to {}", name, APP)
        _run(admin, "grant connect, temporary, create on database {} to {}", name, OWNER)
        _run(admin, "grant usage, create on schema public to {} with grant option", OWNER)
    return Logins(_with_login(admin_url, APP, app_password), _with_login(admin_url, OWNER, owner_password))


def from_environment(place: Place, environ: Mapping[str, str], *, for_tests: bool = False) -> Logins:
    """Return the logins for the PostgreSQL that DATABASE_URL names, making the roles when it may."""
    url, owner_url = environ["DATABASE_URL"], environ.get("DATABASE_OWNER_URL", "")
    if owner_url:
        return Logins(url, owner_url)
    if not _may_create_roles(url):
        raise StartError(
            "DATABASE_URL names a role that may not create roles. Either let it (CREATEROLE), or make the roles "
            f"yourself and name both: DATABASE_URL for {APP} and DATABASE_OWNER_URL for {OWNER}."
        )
    owner_password, app_password = _passwords(place, url)
    try:
        return set_up(url, owner_password=owner_password, app_password=app_password, may_create_databases=for_tests)
    except psycopg.errors.InsufficientPrivilege as problem:
        reason = problem.diag.message_primary
        raise StartError(
            f"the role of DATABASE_URL may not set up Walker's roles ({reason}). Use the role that made them, a "
            f"superuser, or name DATABASE_URL for {APP} and DATABASE_OWNER_URL for {OWNER}."
        ) from None


def _passwords(place: Place, admin_url: str) -> tuple[str, str]:
    """Return the owner's and the application's password, the same for every checkout on this server.

    They follow from the administrator's; where that role has none, they are made once and kept in the data folder.
    """
    secret = unquote(urlsplit(admin_url).password or "") or os.environ.get("PGPASSWORD", "")
    if secret:
        made = hashlib.scrypt(secret.encode(), salt=_SALT, n=2**14, r=8, p=1, dklen=48).hex()
        return made[:48], made[48:]
    kept = place.read(place.secrets)
    for role in ("outside_owner", "outside_app"):
        kept.setdefault(role, secrets.token_hex(24))
    place.write(place.secrets, kept)
    return str(kept["outside_owner"]), str(kept["outside_app"])


def _may_create_roles(url: str) -> bool:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as link:
            row = link.execute("select rolsuper or rolcreaterole from pg_roles where rolname = current_user").fetchone()
    except psycopg.OperationalError as problem:
        reason = str(problem).strip().splitlines()[0]
        raise StartError(f"cannot reach the PostgreSQL that DATABASE_URL names: {reason}") from None
    return bool(row and row[0])


def _try_extension(admin: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Make `vector` where the server has it and lets us: without it documents are searched by words only."""
    query = "select 1 from pg_available_extensions where name = 'vector' and installed_version is null"
    if admin.execute(query).fetchone():
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
            admin.execute("create extension vector")


def _run(admin: "psycopg.Connection[tuple[object, ...]]", statement: str, *names: str) -> None:
    # Only the constants above and the database's own name come here, each quoted as an identifier.
    template = sql.SQL(statement)
    admin.execute(template.format(*[sql.Identifier(name) for name in names]))


def _with_login(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{where}"))
