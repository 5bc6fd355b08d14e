"""Unique keys of tenants' tables begin with the tenant: else rows of one table can't lie on several servers.

A server that holds some tenants' rows can't see whether another one holds the same value: Citus refuses such keys, and
of partitions by tenant PostgreSQL does. `docs/adr/a-cell-before-a-shard.md` says when that counts.
"""

import re
from typing import Final

from tests.structure.storage.test_schema import SCHEMA

SECRET: Final = "Found before the tenant is known, by a digest nobody can guess. On shards: a look-up table of digests."
SLUG: Final = "Part of an address, chosen by people for the whole installation. On shards: a look-up table of names."
PARENT: Final = "One to one with its parent, whose id no other tenant has. On shards: add the tenant to the key."
# The index, and why it may leave the tenant out, with what would have to change.
ALLOWED: Final = {
    "accounts_apikey_digest_key": SECRET,
    "accounts_directory_digest_key": SECRET,
    "accounts_invitation_digest_key": SECRET,
    "hitl_decisiontoken_digest_key": SECRET,
    "one_account_per_public_key": SECRET,
    "one_picture_per_key": SECRET,
    "accounts_identityprovider_slug_key": SLUG,
    "accounts_tenant_slug_key": SLUG,
    "accounts_memberpicture_membership_id_key": PARENT,
    "accounts_rolegroup_group_id_key": "Groups are Django's, of no tenant. On shards: a table that each server has.",
    "agents_helpcentre_channel_account_id_key": PARENT,
    "agents_passagevector_passage_id_key": PARENT,
    "agents_uploadedfile_document_id_key": PARENT,
    "channels_app_mailboxprogress_channel_account_id_key": PARENT,
    "integrations_webhooksubscription_endpoint_id_key": PARENT,
    "guardian_groupobjectperm_group_id_permission_id_o_3f189f7c_uniq": "Guardian's own. On shards: the tenant first.",
    "guardian_userobjectpermi_user_id_permission_id_ob_b0b3d2fc_uniq": "Guardian's own. On shards: the tenant first.",
}
UNIQUE: Final = re.compile(
    r"index CREATE UNIQUE INDEX (\S+) ON public\.\S+ USING \w+ \((.*?)\)(?: NULLS| WHERE| INCLUDE|$)"
)
EXCLUSION: Final = re.compile(r"constraint (\S+) EXCLUDE USING \w+ \((.*)\)")


def keys_without_tenant(schema: str) -> dict[str, str]:
    """Return the unique keys of tables with row security that leave the tenant out, with their columns."""
    found = {}
    for table in schema.split("\n# ")[1:]:
        lines = table.splitlines()
        if not any(line.startswith("table ") and "row security" in line for line in lines):
            continue
        for line in lines:
            key = UNIQUE.match(line) or EXCLUSION.match(line)
            if key and "tenant_id" not in key[2]:
                found[key[1]] = key[2]
    return found


def test_unique_keys_have_the_tenant_or_a_reason() -> None:
    found = keys_without_tenant(SCHEMA.read_text())
    # Ids are UUIDs of our own making: on shards a table's key becomes (tenant_id, id), which is unique today.
    others = {name: columns for name, columns in found.items() if not (name.endswith("_pkey") and columns == "id")}
    assert len(found) > len(others) > 0
    assert others.keys() == ALLOWED.keys(), "Put tenant_id first, or say here why it may be left out."


def test_parents_have_a_key_that_a_shard_could_use() -> None:
    """Each table that another one refers to by tenant and id is unique by both, which is what shards are made of."""
    schema = SCHEMA.read_text()
    referred = set(re.findall(r"REFERENCES (\w+)\(tenant_id, id\)", schema))
    has_both = set(re.findall(r"UNIQUE INDEX \S+ ON public\.(\w+) USING btree \(tenant_id, id\)", schema))
    assert len(referred) > 10
    assert referred <= has_both


def test_key_without_a_tenant_is_seen() -> None:
    schema = (
        "\n\n# accounts_thing\ntable owner walker_owner; row security; forced\n"
        "index CREATE UNIQUE INDEX good ON public.accounts_thing USING btree (tenant_id, name)\n"
        "index CREATE UNIQUE INDEX bad ON public.accounts_thing USING btree (lower(name)) WHERE (tenant_id <> id)\n"
        "constraint worse EXCLUDE USING gist (span WITH &&)\n"
        "\n# accounts_global\ntable owner walker_owner\n"
        "index CREATE UNIQUE INDEX elsewhere ON public.accounts_global USING btree (name)\n"
    )
    assert keys_without_tenant(schema).keys() == {"bad", "worse"}
