"""A contact at Salesforce, from the first event to the erasure; what any CRM does stands in the tests of the port."""

from datetime import timedelta

from conversations.contacts.known_people import revise_contact
from conversations.models import Contact
from core.clock import now
from core.tenancy.scope import tenant_scope
from hub.crm import switches
from tests.edge.salesforce_fixture import SalesforceServer, salesforce, salesforce_process
from tests.hub.crm_scene import EMAIL, Crm, build
from tests.hub.test_crm import erase
from tests.hub.test_crm_readings import name_of, read, start
from tests.world import World

__all__ = ["salesforce", "salesforce_process"]
SHOWN = "SELECT IsDeleted, LastName, Email, Walker_Lead__c FROM Contact WHERE Walker_Id__c = '{}'"


def there(server: SalesforceServer, contact: Contact) -> list[object]:
    """Return what Salesforce has of a contact, also in its bin."""
    (found,) = server.query_all(SHOWN.format(contact.pk))
    return [found[name] for name in ("IsDeleted", "LastName", "Email", "Walker_Lead__c")]


def name(crm: Crm, contact: Contact, text: str) -> None:
    revise_contact(actor=crm.world.actor("support"), contact_id=contact.pk, name=text)


def test_contact_reaches_salesforce_once_named_comes_back_changed_and_is_erased(
    salesforce: SalesforceServer, world: World
) -> None:
    with tenant_scope(world.acme.pk):
        crm = build(world, salesforce)
        crm.start()
        ana = crm.customer()
        Contact.objects.filter(pk=ana.pk).update(display_name="", masked_name="")
        crm.tell()
        assert (crm.row(ana).state, crm.row(ana).problem, crm.row(ana).fields) == ("parked", "refused", "name")
        assert [words for words, _ in switches.standing_of(crm.account.pk).reasons] == [
            "The system refuses it. It names: Name."
        ]
        name(crm, ana, "Ana Souza")
        crm.close(ana)
        crm.tell()
        assert (crm.row(ana).state, crm.notes(), there(salesforce, ana)) == (
            "written", ["written"], [False, "Ana Souza", EMAIL, "hot"],
        )  # fmt: skip
        start(crm)
        assert (read(), name_of(ana)) == ([], "Ana Souza")
        at = (now() + timedelta(minutes=1)).isoformat()
        salesforce.change(contacts=[{"id": str(ana.pk), "properties": {"LastName": "Ana Maria"}, "at": at}])
        assert (read(6), name_of(ana)) == ([], "Ana Maria")
        crm.calls()
        crm.tell()
        assert crm.calls() == []  # what was taken isn't sent
        erase(crm, ana)
        crm.work()
        assert (crm.row(ana).state, there(salesforce, ana)) == ("erased", [True, "Erased", None, None])
