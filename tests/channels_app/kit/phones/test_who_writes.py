"""Who writes: a name that comes later, a username, numbers with and without an extra digit, nothing at all."""

import pytest
from django.test import Client

from channels_app.webhooks import deliveries
from conversations.contacts import points
from conversations.contacts.models import visitor_label
from conversations.models import Contact, ContactPoint, Conversation, Message
from tests.channels_app.twilio.conftest import Door, fields, post


@pytest.mark.slow
def test_name_is_filled_in_from_a_later_message_and_not_changed_again(door: Door) -> None:
    door.take("Hello", 1, ProfileName="")
    with door.inside():
        contact = Contact.objects.get()
        assert (contact.display_name, contact.shown_name) == ("", visitor_label(contact.pk))
    client = Client()
    client.force_login(door.world.people["owner"], backend="accounts.backends.RoleBackend")
    with door.inside():
        page = f"/admin/conversations/conversation/{Conversation.objects.get().pk}/"
    assert contact.shown_name in client.get(page).content.decode()
    door.take("It's me", 2, ProfileName="Ana Souza")
    door.take("Me again", 3, ProfileName="Ana the second")
    with door.inside():
        contact = Contact.objects.get()
        assert contact.display_name == "Ana Souza"
        assert contact.masked_name == contact.shown_name != ""
        assert Message.objects.filter(direction="in").count() == 3


def test_username_is_kept_as_a_point_that_proves_nothing(door: Door) -> None:
    door.take("Hello", 1, ProfileUsername="@Ana.Souza")
    door.take("Hello", 2, ProfileUsername="@Ana.Souza")
    # Usernames change hands: somebody else's message with it is somebody else's.
    door.take("Hello", 3, ProfileUsername="@ana.souza", From="whatsapp:+34600999888", WaId="34600999888")
    with door.inside():
        point = ContactPoint.objects.get(kind="username")
        assert (point.value, point.is_verified) == ("ana.souza", False)
        assert Contact.objects.count() == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+5511987654321", "+551187654321"),  # Brazil: mobiles have an extra 9 behind the area
        ("+5491123456789", "+541123456789"),  # Argentina: mobiles have an extra 9 behind the country
        ("+5493511234567", "+543511234567"),
    ],
)
def test_number_with_and_without_the_extra_nine_is_one_contact(door: Door, one: str, other: str) -> None:
    for number, phone in enumerate((one, other, one), start=1):
        door.take("Hello", number, From=f"whatsapp:{phone}", WaId=phone[1:])
    with door.inside():
        assert (Contact.objects.count(), Conversation.objects.count()) == (1, 1)
        # The number stays as it was given: that is how the provider is asked to send.
        assert ContactPoint.objects.get().value == one


@pytest.mark.parametrize("phone", ["+551132654321", "+5511987654321", "+541123456789", "+34600123456", "+15551234567"])
def test_other_numbers_stay_different(phone: str) -> None:
    assert points.index_form("phone", phone) != points.index_form("phone", phone[:-1] + "0")
    # A Brazilian landline has eight digits and no extra one.
    assert ("9" + phone[-8:] in points.index_form("phone", phone)) is (phone == "+5511987654321")


@pytest.mark.parametrize("more", [{}, {"MessageType": "reaction"}, {"MessageType": "ephemeral"}, {"NumMedia": "1"}])
def test_message_without_body_or_media_is_no_message(door: Door, more: dict[str, str]) -> None:
    assert post(fields("  ", 1, **more)).status_code == 200
    deliveries.dispatch_due_deliveries()
    assert [(row.state, row.error) for row in door.rows()] == [("done", "")]
    with door.inside():
        assert (Contact.objects.count(), Conversation.objects.count(), Message.objects.count()) == (0, 0, 0)
