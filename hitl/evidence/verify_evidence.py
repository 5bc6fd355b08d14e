#!/usr/bin/env python3
"""Verify evidence exported by Walker: one file, Python 3.10 or newer, nothing to install, no network.

    python3 verify_evidence.py FILE [--fingerprint HEX] [--anchors FILE] [--key-file FILE]

FILE is the export of one approval (.json) or of a period (.jsonl or .jsonl.gz). The fingerprint is that of the
installation's public key, as you got it from somewhere else than this file. `--anchors` compares with anchors of the
audit log that were kept outside the database. `--key-file` holds the key ring WALKER_KEYS, `id:base64,...`; with it
the message authentication codes are verified as well. Only the owner of the installation has it.

It exits with 0 if everything is as it was exported and the signer is the one you named, 1 if something is wrong (the
first wrong item is named first), 2 if the file can't be read, and 3 if nothing is wrong but no fingerprint was given.
"""

import argparse
import base64
import gzip
import hashlib
import hmac
import json
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

EVIDENCE = "walker-evidence/1"
ANCHOR = "walker-anchor/1"
PARTS = "format kind header index content signature".split()
GOOD, WRONG, UNREADABLE, UNCONFIRMED = 0, 1, 2, 3
SHOWN = 20
DECISION = (
    "tenant_id id approval_id revision level digest person_id on_behalf_of_id actor_kind verdict actor_name"
).split()
ANCHORED = "first last head root previous at key_id public_key number tenant signature".split()
Json = dict[str, Any]
Problem = tuple[str, str]

# Ed25519 as in RFC 8032, section 6 ("Ed25519 Python Library"), verification only.
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]


def _recover_x(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - x2) % P:
        return None
    return P - x if (x & 1) != sign else x


def _add(a: Point, b: Point) -> Point:
    low, high = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = high - low, d - c, d + c, high + low
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _multiply(times: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while times:
        if times & 1:
            result = _add(result, point)
        point = _add(point, point)
        times >>= 1
    return result


def _decompress(raw: bytes) -> Point | None:
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


_BASE_Y = 4 * pow(5, P - 2, P) % P
BASE: Point = (_recover_x(_BASE_Y, 0) or 0, _BASE_Y, 1, (_recover_x(_BASE_Y, 0) or 0) * _BASE_Y % P)


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return True if the holder of the private key signed the message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = _decompress(public), _decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % Q
    left, right = _multiply(s, BASE), _add(r, _multiply(h, a))
    same_x = (left[0] * right[2] - right[0] * left[2]) % P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % P == 0


def canonical(value: Any) -> bytes:
    """Return the one byte string of a JSON value: sorted names, UTF-8, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256(content: bytes) -> str:
    """Return the SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def items_of(content: Json) -> Iterator[tuple[str, Any]]:
    """Yield each item of the content with its name, in the order of the index; after a list, its length."""
    for section in sorted(content):
        value = content[section]
        if isinstance(value, list):
            yield from ((f"{section}/{place}", item) for place, item in enumerate(value, start=1))
            yield f"{section}/length", len(value)
        else:
            yield section, value


class Checks:
    """The checks of one export, with the keys and anchors that the auditor has."""

    def __init__(self, fingerprint: str, anchors: dict[tuple[str, int], Json], keys: dict[str, bytes]) -> None:
        self.fingerprint, self.anchors, self.keys = fingerprint, anchors, keys
        self.signers: set[str] = set()
        self.notes: Counter[str] = Counter()
        self._known: dict[bytes, bool] = {}

    def signed(self, public: str, message: bytes, signature: str) -> bool:
        """Verify once: the anchors of a period are in many of its records."""
        key = hashlib.sha256(f"{public}|{signature}|".encode() + message).digest()
        if key not in self._known:
            self._known[key] = is_signed(bytes.fromhex(public), message, bytes.fromhex(signature))
        return self._known[key]

    def file(self, raw: bytes, expected: str = "approval") -> Iterator[Problem]:
        """Yield what is wrong with one export, the first wrong item first."""
        try:
            found = json.loads(raw)
            canonical(found)  # refuses what is no JSON: NaN, half a character
            header, content, index = found["header"], found["content"], found["index"]
            signer, signature, kind = header["signer"], found["signature"], found["kind"]
            public, given = str(signer["public_key"]), str(signer["fingerprint"])
        except (ValueError, KeyError, TypeError, RecursionError):
            yield "file", "it is not an export of evidence, or it was cut"
            return
        if found.get("format") != EVIDENCE:
            yield "file", f"its format is not {EVIDENCE}"
            return
        if not isinstance(content, dict) or not isinstance(index, list) or not isinstance(signature, str):
            yield "file", "a part of it has another form"
            return
        if kind != expected:
            yield "file", f"it is of the kind {kind}, where one of the kind {expected} belongs"
        # What neither the index nor the signature covers must not be there.
        yield from ((name, "it was added: nothing covers it") for name in sorted(set(found) - set(PARTS)))
        yield from ((name, "no section has such a name") for name in sorted(content) if "/" in name)
        yield from _compare(index, [[name, sha256(canonical(item))] for name, item in items_of(content)])
        statement = {"format": EVIDENCE, "kind": kind, "header": header, "index": index}
        try:
            genuine = self.signed(public, f"{EVIDENCE}\n".encode() + canonical(statement), signature)
            is_key = sha256(bytes.fromhex(public)) == given
        except ValueError:
            genuine = is_key = False
        if genuine and bytes.fromhex(signature).hex() != signature:
            yield "signature", "its text is not the one that was exported, although it means the same"
        if not genuine:
            yield "signature", "it does not fit the header and the index: one of them was changed, or it was forged"
        if not is_key:
            yield "header", "the fingerprint is not that of the public key"
        if raw != canonical(found):
            yield "file", "its bytes are not those that were exported, although they mean the same"
        self.signers.add(given)
        if self.fingerprint and given != self.fingerprint:
            yield "header", f"it was signed by another key, {given}"
        if kind == "approval":
            yield from self.approval(header, content)

    def approval(self, header: Json, content: Json) -> Iterator[Problem]:
        """Yield what does not fit inside the evidence of one approval."""
        try:
            yield from _said_when_exported(content)
            yield from self.digest(header, content)
            yield from _votes(content)
            yield from _seal_sets(content)
            yield from _history(content)
            yield from self.anchored(header, content)
            if self.keys:
                yield from self.macs(header, content)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            yield "content", f"a part is missing or has another form ({type(error).__name__}: {str(error)[:60]})"

    def digest(self, header: Json, content: Json) -> Iterator[Problem]:
        """Compute the digest of the request from its canonical bytes, unless these are withheld."""
        request, digest = content["request"], content["digest"]
        if digest["canonical"] is None:
            self.notes[f"the digest could not be computed: the request is {request['payload_state']}"] += 1
            return
        if sha256(digest["canonical"].encode()) != digest["value"]:
            yield "digest", "it is not that of the canonical bytes"
        signed = {name: request[name] for name in ("revision", "kind", "kind_version", "payload")}
        signed |= {"tenant": header["organisation"]["id"], "approval": header["approval"]}
        if canonical(signed).decode() != digest["canonical"]:
            yield "request", "it is not what the digest is over"

    def anchored(self, header: Json, content: Json) -> Iterator[Problem]:
        """Follow each audit entry to the root of its anchor, and verify the anchors."""
        anchors = {anchor["number"]: anchor for anchor in content["anchors"]}
        for place, anchor in enumerate(content["anchors"], start=1):
            yield from ((f"anchors/{place}", what) for what in self.anchor(anchor, header["organisation"]["id"]))
            before = anchors.get(anchor["number"] - 1)
            if before and sha256(_signed_part(before)) != anchor["previous"]:
                yield f"anchors/{place}", "it does not continue the anchor before it"
        for place, row in enumerate(content["audit"], start=1):
            entry, held = row["entry"], anchors.get(row["anchor"])
            if held is None:
                yield f"audit/{place}", f"no anchor covers entry {entry['seq']}"
                continue
            leaf = hashlib.sha256(b"\x00" + canonical({**entry, "hash": row["hash"]})).digest()
            count, at = held["last"] - held["first"] + 1, entry["seq"] - held["first"]
            if root_of(leaf, at, count, [bytes.fromhex(each) for each in row["path"]]) != held["root"]:
                yield f"audit/{place}", f"entry {entry['seq']} does not lead to anchor {row['anchor']}"

    def anchor(self, anchor: Json, tenant: str) -> Iterator[str]:
        """Yield what is wrong with one anchor."""
        if anchor["tenant"] != tenant:
            yield "it is of another organisation"
        if not self.signed(anchor["public_key"], _signed_part(anchor), anchor["signature"]):
            yield "its signature is not valid"
        fingerprint = sha256(bytes.fromhex(anchor["public_key"]))
        self.signers.add(fingerprint)
        if self.fingerprint and fingerprint != self.fingerprint:
            yield f"it was signed by another key, {fingerprint}"
        if self.anchors:
            kept = self.anchors.get((anchor["tenant"], anchor["number"]))
            if kept is None:
                self.notes["an anchor is not in the file of anchors"] += 1
            elif any(kept.get(name) != anchor[name] for name in ANCHORED):
                yield "it is not the one that was kept outside the database"

    def macs(self, header: Json, content: Json) -> Iterator[Problem]:
        """Compute every message authentication code with the key ring."""
        tenant = header["organisation"]["id"]
        for place, row in enumerate(content["audit"], start=1):
            if self.mac(f"audit|{tenant}", row["entry"]["key_id"], canonical(row["entry"])) != row["hash"]:
                yield f"audit/{place}", f"the code of entry {row['entry']['seq']} is not valid"
        for place, row in enumerate(content["votes"], start=1):
            sealed = row["sealed"]
            key_id, mac, said = (*sealed["seal"].split(":"), "")[:3]
            values = (sealed.get(name, "" if name == "actor_name" else None) for name in DECISION)
            text = "|".join(str(value) for value in values)
            if self.mac(f"decision|{tenant}", key_id, (f"said:{said}|{text}" if said else text).encode()) != mac:
                yield f"votes/{place}", "its code is not valid"
        for section, table in (("assignments", "assignment"), ("executions", "execution")):
            for place, row in enumerate(content[section], start=1):
                key_id, _, mac = row["seal"].partition(":")
                if self.mac(f"seal|{table}|{tenant}", key_id, canonical(row["sealed"])) != mac:
                    yield f"{section}/{place}", "its code is not valid"
        seal = content["seal"]
        if seal["withheld"]:
            self.notes["the code of the request could not be computed: parts of it are withheld"] += 1
        elif seal["value"]:
            key_id, mac, *sets = seal["value"].split(":")
            if self.mac(f"seal|approval|{tenant}", key_id, canonical({**seal["sealed"], "sets": sets})) != mac:
                yield "seal", "the code of the request is not valid"

    def mac(self, purpose: str, key_id: str, content: bytes) -> str:
        """Return the HMAC-SHA256 under the key for a purpose (HKDF, RFC 5869), or "" for an unknown key."""
        if key_id not in self.keys:
            return ""
        drawn = hmac.new(bytes(32), self.keys[key_id], hashlib.sha256).digest()
        key = hmac.new(drawn, purpose.encode() + b"\x01", hashlib.sha256).digest()
        return hmac.new(key, content, hashlib.sha256).hexdigest()


def _compare(index: Any, actual: list[list[str]]) -> Iterator[Problem]:
    """Compare the items with the index that was signed; name the first one that differs."""
    for place, (name, digest) in enumerate(actual):
        if place >= len(index):
            yield name, "it was added"
            return
        if index[place][0] != name:
            yield index[place][0], "it was removed, or something was added before it"
            return
        if index[place][1] != digest:
            where = [other for other, known in index if known == digest]
            yield name, f"{where[0]} is in its place" if where else "it was changed"
            return
    if len(index) > len(actual):
        yield index[len(actual)][0], "it was removed"


def _said_when_exported(content: Json) -> Iterator[Problem]:
    """Yield what the installation itself found wrong when it exported."""
    for problem in content["findings"]["problems"]:
        yield problem["item"], f"wrong already when it was exported: {problem['what']}"


def _votes(content: Json) -> Iterator[Problem]:
    """Compare each vote with the request that was decided, and with the audit log."""
    digests = {row["revision"] - 1: row["digest_before"] for row in content["revisions"]}
    digests[content["request"]["revision"]] = content["digest"]["value"]
    said = Counter(
        (row["entry"]["action"].removeprefix("APPROVAL_").lower(), row["entry"]["actor_user_id"])
        for row in content["audit"]
    )
    for place, row in enumerate(content["votes"], start=1):
        vote = row["sealed"]
        if digests.get(vote["revision"], vote["digest"]) != vote["digest"]:
            yield f"votes/{place}", "it is about another digest than that of its revision"
        if vote["verdict"] in ("approve", "reject") and vote.get("person_id"):
            said[vote["verdict"], vote["person_id"]] -= 1
            if said[vote["verdict"], vote["person_id"]] < 0:
                yield f"votes/{place}", "the audit log has no such vote of this person"


def _seal_sets(content: Json) -> Iterator[Problem]:
    """Compare the rows with the digests of their sets, which are in the seal of the request."""
    if not content["seal"]["value"]:
        return
    sets = content["seal"]["value"].split(":")[2:]
    rows = (
        ("assignments", [row["seal"] for row in content["assignments"]]),
        ("votes", [canonical(row["sealed"]).decode() for row in content["votes"]]),
        ("executions", [row["seal"] for row in content["executions"]]),
    )
    for (section, values), known in zip(rows, sets, strict=False):
        if sha256("\n".join(sorted(values)).encode())[: len(known)] != known:
            yield section, "one was removed, changed or added: they are not those that were sealed"


def _history(content: Json) -> Iterator[Problem]:
    """Check that the audit entries are in order and complete, and that the newest carries the seal."""
    version, seq = 0, 0
    for place, row in enumerate(content["audit"], start=1):
        entry = row["entry"]
        if entry["seq"] <= seq:
            yield f"audit/{place}", "it is out of order"
        if entry["object_type"] == "hitl.approval":
            if entry["facts"].get("version") != version + 1:
                yield f"audit/{place}", f"the entry of version {version + 1} is missing"
            version = entry["facts"].get("version", version + 1)
        seq = entry["seq"]
    if version != content["request"]["version"]:
        yield "audit", f"the tail was cut: the entry of version {content['request']['version']} is missing"
    carried = [row["entry"]["facts"]["seal"] for row in content["audit"] if "seal" in row["entry"]["facts"]]
    if content["seal"]["value"] and (not carried or carried[-1] != content["seal"]["value"].split(":")[1]):
        yield "seal", "the newest audit entry does not carry it"


def _signed_part(anchor: Json) -> bytes:
    return f"{ANCHOR}\n".encode() + canonical({name: anchor[name] for name in anchor if name != "signature"})


def root_of(leaf: bytes, place: int, count: int, path: list[bytes]) -> str:
    """Return the root to which a leaf leads (RFC 9162, 2.1.3.2), or "" if the path has another length."""
    at, last, node = place, count - 1, leaf
    if not 0 <= at <= last:
        return ""
    for each in path:
        if last == 0:
            return ""
        if at & 1 or at == last:
            node = hashlib.sha256(b"\x01" + each + node).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + each).digest()
        at, last = at >> 1, last >> 1
    return node.hex() if last == 0 else ""


def verify_period(checks: Checks, lines: Iterable[bytes]) -> Iterator[Problem]:
    """Yield what is wrong with a period: records line by line, then the list of them."""
    digests: list[str] = []
    newest = b""
    for number, line in enumerate(lines):
        if number:
            digests.append(sha256(newest))
            yield from ((f"record {len(digests)}: {name}", what) for name, what in checks.file(newest))
        newest = line.removesuffix(b"\n")
    try:
        manifest = json.loads(newest)
        listed = [record["sha256"] for record in manifest["content"]["records"]]
    except (ValueError, KeyError, TypeError):
        yield f"record {len(digests) + 1}", "the tail was cut: the list of records is missing"
        return
    yield from checks.file(newest, "period")
    for place, (known, actual) in enumerate(zip(listed, digests, strict=False), start=1):
        if known != actual:
            where = f"record {listed.index(actual) + 1} is in its place" if actual in listed else "it was changed"
            yield f"record {place}", f"{where} ({manifest['content']['records'][place - 1]['reference']})"
    if len(listed) != len(digests):
        yield "records", f"there are {len(digests)}, and the list has {len(listed)}"


def verify_file(checks: Checks, path: Path) -> Iterator[Problem]:
    """Yield what is wrong with a file, which is read line by line."""
    with path.open("rb") as plain:
        is_packed = plain.read(2) == b"\x1f\x8b"
    with gzip.open(path) if is_packed else path.open("rb") as file:
        try:
            first = file.readline()
            if first.endswith(b"\n"):
                yield from verify_period(checks, chain([first], file))
            else:
                yield from checks.file(first)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            yield "file", "it was cut or damaged: it can't be unpacked"


def read_keys(path: str) -> dict[str, bytes]:
    """Return the key ring of a file."""
    parts = [part.strip().partition(":") for part in Path(path).read_text().strip().split(",")]
    return {key_id: base64.b64decode(key, validate=True) for key_id, _, key in parts}


def read_anchors(path: str) -> dict[tuple[str, int], Json]:
    """Return the anchors of a file, which may be a log."""
    rows = [json.loads(line) for line in Path(path).read_text().splitlines() if line.strip()]
    anchors = [row.get("anchor", row) for row in rows]
    return {(str(row["tenant"]), int(row["number"])): row for row in anchors}


def main() -> int:
    """Verify what the command line names, and say the result in words."""
    parser = argparse.ArgumentParser(description="Verify evidence exported by Walker.")
    parser.add_argument("file")
    parser.add_argument("--fingerprint", default="", help="of the installation's public key, from elsewhere")
    parser.add_argument("--anchors", default="", help="a file of anchors that were kept outside the database")
    parser.add_argument("--key-file", default="", help="the key ring WALKER_KEYS, to verify the codes as well")
    given = parser.parse_args()
    try:
        keys = read_keys(given.key_file) if given.key_file else {}
        anchors = read_anchors(given.anchors) if given.anchors else {}
    except (OSError, ValueError, KeyError) as error:
        print(f"Can't read it: {error}")
        return UNREADABLE
    fingerprint = given.fingerprint.lower().replace(":", "").replace(" ", "")
    checks = Checks(fingerprint, anchors, keys)
    try:
        problems = list(verify_file(checks, Path(given.file)))
    except OSError as error:
        print(f"Can't read it: {error}")
        return UNREADABLE
    for name, what in problems[:SHOWN]:
        print(f"WRONG  {name}: {what}")
    if len(problems) > SHOWN:
        print(f"       and {len(problems) - SHOWN} more")
    for note, times in checks.notes.items():
        print(f"note   {note}{f' ({times} times)' if times > 1 else ''}")
    if problems:
        print("This evidence is not as it was exported, or it was wrong when it was exported.")
        return WRONG
    print("Nothing was changed since the export.")
    if not keys:
        print("note   message authentication codes were not verified: that needs the key ring of the installation")
    if not fingerprint:
        print(f"Signed with the key {', '.join(sorted(checks.signers))}.")
        print("Compare this fingerprint with the one the installation gave you, and run again with --fingerprint.")
        return UNCONFIRMED
    print("The signer is the one you named.")
    return GOOD


if __name__ == "__main__":
    sys.exit(main())
