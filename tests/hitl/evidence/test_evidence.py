"""Evidence verifies alone, and every change of it is found and named."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.test import Client

from accounts.models import Membership, RevealGrant, User
from accounts.privacy.erasure import erase_member
from core.audit import anchors
from core.clock import now
from core.errors import Invalid, NotFound, Refused, TooMany
from core.models import AuditAnchor, AuditEntry
from core.privacy import signing
from core.tenancy.scope import tenant_scope
from hitl.actions.base import Origin
from hitl.evidence import export as export_module
from hitl.evidence import record, signed_file
from hitl.evidence import verify_evidence as verifier
from hitl.evidence.export import export_approval
from hitl.models import Approval, Decision
from tests.database.tampering import FORGED_VOTE
from tests.erasure.scene import finish, strong
from tests.hitl.kit.scene import BLUE, Scene

pytestmark = pytest.mark.django_db
SCRIPT = Path(verifier.__file__)
NOTE = "Call ana.garcia@customer.example before"


def decided(scene: Scene) -> Approval:
    """Return a request that two people approved and that was executed, with a personal note."""
    scene.define({}, {})
    origin = Origin(requester_user_id=scene.user_id("support"), notes=NOTE)
    approval = scene.decide(scene.propose(origin=origin), reason="Looks right")
    return scene.done(scene.decide(approval, actor=scene.actor("admin")))


def export(scene: Scene, approval: Approval, **options: Any) -> bytes:
    return export_approval(actor=scene.actor("compliance"), approval_id=approval.pk, **options).content


def fingerprint() -> str:
    return signing.public_key().fingerprint


def ring(settings: Any) -> dict[str, bytes]:
    parts = [part.partition(":") for part in settings.WALKER_KEYS.split(",")]
    return {key_id: base64.b64decode(key) for key_id, _, key in parts}


def wrong(raw: bytes, keys: dict[str, bytes] | None = None, kept: list[Any] | None = None) -> list[tuple[str, str]]:
    """Return what the verifier finds, knowing the fingerprint."""
    held = {(row["tenant"], row["number"]): row for row in kept or []}
    return list(verifier.Checks(fingerprint(), held, keys or {}).file(raw))


def run(path: Path, *options: str) -> tuple[int, str]:
    """Run the program as an auditor does: nothing of ours can be imported."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), str(path), *options],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
    )
    return done.returncode, done.stdout + done.stderr


# RFC 8032, section 7.1: tests 1 to 3 and "SHA(abc)".
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17a"
        "d9bef1177331a704",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_ed25519_of_the_verifier_is_that_of_the_standard(public: str, message: str, signature: str) -> None:
    key, text, proof = (bytes.fromhex(each) for each in (public, message, signature))
    assert verifier.is_signed(key, text, proof)
    assert not verifier.is_signed(key, text + b"x", proof)
    assert not verifier.is_signed(key, text, proof[:-1] + bytes([proof[-1] ^ 1]))
    # The same proof with s + L is another text for the same thing: it is refused.
    s = int.from_bytes(proof[32:], "little") + verifier.Q
    assert not verifier.is_signed(key, text, proof[:32] + s.to_bytes(32, "little"))


@pytest.mark.slow
def test_auditor_verifies_an_export_alone(scene: Scene, settings: Any, tmp_path: Path) -> None:
    approval = decided(scene)
    path, keys, kept = tmp_path / "evidence.json", tmp_path / "keys", tmp_path / "anchors"
    path.write_bytes(export(scene, approval))
    keys.write_text(settings.WALKER_KEYS)
    kept.write_text("\n".join(json.dumps(anchors.as_json(row)) for row in AuditAnchor.objects.all()))
    code, said = run(path)
    assert (code, "Compare this fingerprint" in said) == (verifier.UNCONFIRMED, True), said
    colons = ":".join(fingerprint()[at : at + 2] for at in range(0, 64, 2)).upper()
    code, said = run(path, "--fingerprint", colons, "--key-file", str(keys), "--anchors", str(kept))
    assert (code, said) == (verifier.GOOD, "Nothing was changed since the export.\nThe signer is the one you named.\n")
    assert run(tmp_path / "nothing")[0] == verifier.UNREADABLE
    evidence = json.loads(path.read_bytes())
    votes = [row["sealed"] for row in evidence["content"]["votes"]]
    assert [(vote["verdict"], vote["role"], vote["auth_strength"], vote["channel"]) for vote in votes] == [
        ("approve", "approver", "password", "service"),
        ("approve", "admin", "password", "service"),
    ]
    names = {person["id"]: person["name"] for person in evidence["content"]["people"]}
    assert [names[vote["person_id"]] for vote in votes] == ["Approver Acme", "Admin Acme"]
    assert evidence["content"]["executions"][0]["sealed"]["outcome"] == "succeeded"
    assert hashlib.sha256(evidence["content"]["digest"]["canonical"].encode()).hexdigest() == approval.digest
    entry = AuditEntry.objects.get(action="EVIDENCE_EXPORTED")
    assert entry.facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry.actor_user_id == scene.user_id("compliance")


def _swap(content: Any) -> None:
    content["votes"].reverse()


def _delete(content: Any) -> None:
    del content["audit"][1]


def _cut(content: Any) -> None:
    del content["audit"][-2:]


def _replace_identity(content: Any) -> None:
    content["votes"][0]["sealed"]["person_id"] = content["votes"][1]["sealed"]["person_id"]


def _byte(content: Any) -> None:
    content["request"]["payload"]["amount"] = "6.00"


def _anchor(content: Any) -> None:
    content["anchors"][-1]["root"] = "0" * 64


def _drop_vote(content: Any) -> None:
    del content["votes"][1]


def _old_name(content: Any) -> None:
    content["people"][0]["name"] = "Somebody Else"


TAMPERINGS: list[tuple[Callable[[Any], None], str]] = [
    (_byte, "request"), (_swap, "votes/1"), (_delete, "audit/2"), (_cut, "audit/"), (_replace_identity, "votes/1"),
    (_anchor, "anchors/"), (_drop_vote, "votes/2"), (_old_name, "people/1"),
]  # fmt: skip


def reindexed(found: Any) -> bytes:
    """Write the index again, as somebody does who knows the format and lacks the private key."""
    items = verifier.items_of(found["content"])
    found["index"] = [[name, hashlib.sha256(verifier.canonical(item)).hexdigest()] for name, item in items]
    return verifier.canonical(found)


@pytest.mark.slow
def test_every_tampering_of_a_file_is_found_and_named(scene: Scene) -> None:
    raw = export(scene, decided(scene))
    assert wrong(raw) == []
    for tamper, name in TAMPERINGS:
        found = json.loads(raw)
        tamper(found["content"])
        first = wrong(verifier.canonical(found))[0]
        assert first[0].startswith(name), (tamper.__name__, first)
        assert wrong(reindexed(found))[0][0] == "signature", tamper.__name__
    # Any one byte, and the end.
    for at in range(0, len(raw), 211):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        assert wrong(changed), at
    assert wrong(raw[:-1]) == [("file", "it is not an export of evidence, or it was cut")]
    assert wrong(json.dumps(json.loads(raw), indent=1).encode())[0][0] == "file"


def _name_of_item(found: Any) -> None:
    found["content"]["assignments/1"] = found["content"].pop("assignments")[0]


@pytest.mark.slow
def test_nothing_can_be_added_that_index_and_signature_do_not_cover(scene: Scene) -> None:
    raw = export(scene, scene.propose())
    assert wrong(raw) == []
    added: list[tuple[str, Callable[[Any], None]]] = [
        ("verdict", lambda found: found.update(verdict="approved by the owner")),
        ("zest/length", lambda found: found["content"].update(zest=[])),
        ("reviews/length", lambda found: found["content"].pop("reviews")),
        ("assignments/1", _name_of_item),
        ("signature", lambda found: found.update(signature=found["signature"].upper())),
        ("signature", lambda found: found.update(signature=f" {found['signature']}")),
        ("file", lambda found: found.update(signature=1)),
        ("file", lambda found: found.update(content=list(found["content"]))),
    ]  # fmt: skip
    for name, tamper in added:
        found = json.loads(raw)
        tamper(found)
        assert [item for item, _ in wrong(verifier.canonical(found))][:1] == [name]
    for text in (b"NaN", b'"\\ud800"', b"1e400"):
        found_at = raw.replace(b'"content":{', b'"content":{"audit":' + text + b",", 1)
        assert wrong(found_at)[0][0] == "file"
    doubled = raw.replace(b'"content":{', b'"content":{"votes":[{"forged":"yes"}],', 1)
    assert [item for item, _ in wrong(doubled)] == ["file"]


def forged(raw: bytes, tamper: Callable[[Any], None]) -> bytes:
    """Rewrite everything that needs no key of the installation, with a key pair and a MAC key of one's own."""
    found, mine = json.loads(raw), Ed25519PrivateKey.generate()
    public = mine.public_key().public_bytes_raw()
    content, header = found["content"], found["header"]
    tamper(content)
    header["signer"] |= {"public_key": public.hex(), "fingerprint": hashlib.sha256(public).hexdigest()}
    previous = ""
    for place, row in enumerate(content["audit"]):
        row["entry"]["previous_hash"] = previous
        row["hash"] = previous = hmac.digest(b"a guess", verifier.canonical(row["entry"]), "sha256").hex()
        leaf = hashlib.sha256(b"\x00" + verifier.canonical({**row["entry"], "hash": row["hash"]})).hexdigest()
        seq = row["entry"]["seq"]
        anchor = {**content["anchors"][0], "number": place + 1, "first": seq, "last": seq, "root": leaf}
        anchor |= {"previous": "", "public_key": public.hex()}
        text = b"walker-anchor/1\n" + verifier.canonical({key: anchor[key] for key in anchor if key != "signature"})
        row["anchor"], row["path"] = place + 1, []
        content.setdefault("made", []).append({**anchor, "signature": mine.sign(text).hex()})
    content["anchors"] = content.pop("made")
    for place, anchor in enumerate(content["anchors"][1:], start=1):
        before = content["anchors"][place - 1]
        anchor["previous"] = hashlib.sha256(verifier._signed_part(before)).hexdigest()
        anchor["signature"] = mine.sign(verifier._signed_part(anchor)).hex()
    raw = reindexed(found)
    found = json.loads(raw)
    statement = {name: found[name] for name in ("format", "kind", "header", "index")}
    found["signature"] = mine.sign(b"walker-evidence/1\n" + verifier.canonical(statement)).hex()
    return verifier.canonical(found)


def _rename_entry(content: Any) -> None:
    content["audit"][0]["entry"]["role"] = "owner"


@pytest.mark.slow
def test_chain_rewritten_without_the_key_is_found_by_fingerprint_key_ring_and_anchors(
    scene: Scene, settings: Any
) -> None:
    raw = export(scene, decided(scene))
    kept = [anchors.as_json(row) for row in AuditAnchor.objects.all()]
    fake = forged(raw, _rename_entry)
    # Who compares no fingerprint gets no confirmation, and learns with which key it was signed.
    assert list(verifier.Checks("", {}, {}).file(fake)) == []
    assert "signed by another key" in wrong(fake)[0][1]
    found = list(verifier.Checks("", {}, ring(settings)).file(fake))
    assert found[0] == ("audit/1", "the code of entry " + str(json.loads(raw)["content"]["audit"][0]["entry"]["seq"])
                        + " is not valid")  # fmt: skip
    held = {(row["tenant"], row["number"]): row for row in kept}
    found = list(verifier.Checks("", held, {}).file(fake))
    assert found[0] == ("anchors/1", "it is not the one that was kept outside the database")
    other = deepcopy(kept)
    other[0]["root"] = "f" * 64
    assert wrong(raw, kept=other)[0] == ("anchors/1", "it is not the one that was kept outside the database")


def test_codes_fit_before_a_decision_in_clear_and_name_what_does_not(scene: Scene, settings: Any) -> None:
    approval = scene.propose()
    raw = export(scene, approval)
    assert wrong(raw, ring(settings)) == []
    found = json.loads(raw)
    found["content"]["assignments"][0]["sealed"]["level"] = 2
    assert ("assignments/1", "its code is not valid") in wrong(verifier.canonical(found), ring(settings))
    found = json.loads(raw)
    found["content"]["seal"]["sealed"]["votes_required"] = 0
    assert ("seal", "the code of the request is not valid") in wrong(verifier.canonical(found), ring(settings))


@pytest.mark.slow
def test_request_that_moves_while_it_is_read_is_exported_as_it_then_is(scene: Scene) -> None:
    read_before = scene.propose()
    scene.decide(read_before)
    # Without milliseconds of luck an export reads the request before the decision, and its rows after it.
    terms = record.Terms(scene.actor("compliance"), now(), broken=export_module.anchor_all(now()))
    evidence = record.collect(read_before, terms)
    assert wrong(signed_file.write("approval", evidence.header, evidence.content)) == []
    assert evidence.content["request"]["state"] == "approved"


def test_what_was_wrong_in_the_database_is_said_in_the_export(scene: Scene) -> None:
    approval = scene.propose()
    statement = FORGED_VOTE.format(person=scene.user_id("approver"), approval=approval.pk)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    found = wrong(export(scene, approval))
    assert ("votes/1", "wrong already when it was exported: it was not written by the application") in found
    assert any(name == "seal" for name, _ in found)
    page = export(scene, approval, format="html").decode()
    assert "Something was wrong when this was exported" in page


@pytest.mark.slow
def test_personal_data_is_masked_unless_the_exporter_reveals_it_with_a_reason(scene: Scene) -> None:
    approval = decided(scene)
    assert "ana.garcia" not in export(scene, approval).decode()
    tagged = Origin(requester_user_id=scene.user_id("support"), tags=("ana.garcia@customer.example",))
    assert "ana.garcia" not in export(scene, scene.propose(params=BLUE, origin=tagged)).decode()
    with pytest.raises(Refused):
        export(scene, approval, in_clear=True)
    with pytest.raises(Invalid):
        export(scene, approval, in_clear=True, reason="why")
    raw = export(scene, approval, in_clear=True, reason="The regulator asks for it")
    assert "ana.garcia" in raw.decode()
    assert wrong(raw) == []
    assert RevealGrant.objects.get().fields == ["request"]
    assert AuditEntry.objects.filter(action="PII_ACCESSED", object_id=approval.pk).count() == 1


def test_request_with_masked_payload_says_that_its_digest_cannot_be_computed(scene: Scene) -> None:
    params = {"button": "ana.garcia@customer.example", "amount": "5.00"}
    approval = scene.propose(params=params)
    raw = export(scene, approval)
    assert "ana.garcia" not in raw.decode()
    content = json.loads(raw)["content"]
    assert (content["digest"]["canonical"], content["request"]["payload_state"]) == (None, "masked")
    assert "payload" in content["seal"]["withheld"]
    checks = verifier.Checks(fingerprint(), {}, {})
    assert list(checks.file(raw)) == []
    assert list(checks.notes) == ["the digest could not be computed: the request is masked"]


@pytest.mark.slow
def test_only_those_with_the_right_export_and_only_so_often(scene: Scene, settings: Any) -> None:
    approval = scene.propose()
    for role in ("viewer", "support", "approver"):
        with pytest.raises(Refused):
            export_approval(actor=scene.actor(role), approval_id=approval.pk)
    with tenant_scope(scene.world.globex.pk), pytest.raises(NotFound):
        export_approval(actor=scene.world.outsider("owner"), approval_id=approval.pk)
    settings.EVIDENCE_PER_HOUR = 2
    for _ in range(2):
        export_approval(actor=scene.actor("admin"), approval_id=approval.pk)
    with pytest.raises(TooMany):
        export_approval(actor=scene.actor("admin"), approval_id=approval.pk)


@pytest.mark.slow
def test_erasing_a_person_leaves_old_and_new_exports_valid(scene: Scene, settings: Any) -> None:
    person: User = scene.world.people["approver"]
    User.objects.filter(pk=person.pk).update(first_name="Ottoline", last_name="Vandersnoot")
    approval = decided(scene)
    before = export(scene, approval)
    assert "Ottoline Vandersnoot" in before.decode()
    membership = Membership.objects.get(user=person)
    finish(erase_member(actor=strong(scene.actor("owner")), membership_id=membership.pk, reason="asked_for").pk)
    after = [export(scene, approval) for _ in range(2)]
    for raw in (before, *after):
        assert wrong(raw, ring(settings)) == []
    assert "Ottoline" not in after[0].decode()
    shown = [{row["name"] for row in json.loads(raw)["content"]["people"] if row["is_erased"]} for raw in after]
    assert len(shown[0]) == 1
    assert shown[0] == shown[1]
    assert Decision.objects.filter(person=person).exists()


def test_public_keys_and_verifier_are_for_everyone(db: None, tmp_path: Path) -> None:
    client = Client()
    (key,) = client.get("/evidence/keys.json").json()["keys"]
    assert key["fingerprint"] == fingerprint()
    answer = client.get("/evidence/verify_evidence.py")
    assert b"".join(answer.streaming_content) == SCRIPT.read_bytes()  # type: ignore[attr-defined]
