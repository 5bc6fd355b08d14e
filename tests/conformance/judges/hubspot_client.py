"""What HubSpot's own SDK reads of the sandbox HubSpot: JSON for the test on standard output.

Run with hubspot-api-client on the path: address, token, and the email address of a customer with tickets.
"""

import importlib
import json
import sys
from typing import Any

KEY = "walker_request"


def refusal(call: Any, package: str) -> list[Any]:
    """Return how the SDK reads an error."""
    try:
        call()
    except importlib.import_module(f"hubspot.crm.{package}").ApiException as error:
        return [error.status, json.loads(error.body)["category"]]
    raise AssertionError("it was not refused")


def new_object(package: str, properties: dict[str, str], to: str = "", kind: int = 0) -> Any:
    """Return what creates an object, with an association if it belongs to another one."""
    models = importlib.import_module(f"hubspot.crm.{package}")
    links = []
    if to:
        spec = models.AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=kind)
        links = [models.PublicAssociationsForObject(types=[spec], to=models.PublicObjectId(id=to))]
    return models.SimplePublicObjectInputForCreate(associations=links, properties=properties)


def main(url: str, token: str, customer: str) -> dict[str, Any]:
    """Make a round of calls and return what came of them."""
    crm = importlib.import_module("hubspot").Client.create(access_token=token, host=url).crm
    tickets, contacts, notes = crm.tickets.basic_api, crm.contacts.basic_api, crm.objects.notes.basic_api
    said: dict[str, Any] = {}
    person = contacts.get_by_id(customer, id_property="email", properties=["email"], associations=["tickets"])
    said["person"] = person.properties["email"]
    owned = [row.id for row in person.associations["tickets"].results]
    models = importlib.import_module("hubspot.crm.tickets")
    many = models.BatchReadInputSimplePublicObjectId(
        inputs=[models.SimplePublicObjectId(id=ident) for ident in owned],
        properties=["subject"],
        properties_with_history=[],
    )
    said["subjects"] = [row.properties["subject"] for row in crm.tickets.batch_api.read(many).results]
    words = {"subject": "Zip is broken", "hs_pipeline": "0", "hs_pipeline_stage": "1", KEY: "walker:1:1"}
    wanted = new_object("tickets", words, person.id, 16)
    made = tickets.create(wanted)
    found = tickets.get_by_id("walker:1:1", id_property=KEY, properties=["subject"], associations=["contacts"])
    said["made"] = [made.id == found.id, found.properties["subject"], found.associations["contacts"].results[0].id]
    said["taken"] = refusal(lambda: tickets.create(wanted), "tickets")
    written = {"hs_note_body": "Hello", "hs_timestamp": "2026-11-27T08:00:00Z", KEY: "walker:2:1"}
    note = notes.create(new_object("objects.notes", written, made.id, 228))
    said["note"] = notes.get_by_id("walker:2:1", id_property=KEY).id == note.id
    said["unique"] = crm.properties.core_api.get_by_name("tickets", KEY).has_unique_value
    models = importlib.import_module("hubspot.crm.contacts")
    told = models.SimplePublicObjectBatchInputUpsert(
        id_property="walker_contact", id="c-1", properties={"email": "ana@quill.example", "walker_lead": "hot"}
    )
    upsert = models.BatchInputSimplePublicObjectBatchInputUpsert(inputs=[told])
    said["upserted"] = [crm.contacts.batch_api.upsert(upsert).results[0].new for _ in range(2)]
    ana = contacts.get_by_id("c-1", id_property="walker_contact")
    contacts.purge(models.PublicGdprDeleteInput(object_id=ana.id))
    said["gone"] = refusal(lambda: contacts.get_by_id(ana.id), "contacts")
    stranger = importlib.import_module("hubspot").Client.create(access_token="unknown", host=url)
    said["token"] = refusal(lambda: stranger.crm.tickets.basic_api.get_by_id(made.id), "tickets")
    return said


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
