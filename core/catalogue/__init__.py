"""The catalogue of events: which there are, what each says, and which stream owns it.

`core.events.streams` refuses an event that is not registered here, or that does not have the shape registered here.

To add a type: write its shape (a class derived from `Shape`) and an `EventType` with it in the app's `event_types`
module, append the event in the transaction in which it happens, and run `WALKER_WRITE_EVENTS=1 ./walker test
tests/structure/test_event_shapes.py`, which writes it into `docs/reference/events.md` too.

Consumers inside know a type by its name, and webhooks by its `public_name`, which is derived here and nowhere else.

To change a type, be it by one more field: change the shape and raise `version`. Events with the older version stay
stored and are read with it (`Event.version`); a consumer that needs the new field asks for it by `payload.get`. Then
write the shapes again, as above: a test compares every published version with the file.

The same move is often told on several streams, each with what its listeners need. The stream of the kind `owner` has
the event itself: consumers (`core.bus`) read its rows alone. On all others (`told`) it is a frame for listeners.
A type without an owner is a frame for listeners everywhere.

A shape holds ids, states, numbers, times and codes, never words of people. What a customer's chat needs beside them in
order to resume, as masked text and the sender's name, is marked `ForListeners`: it stays in the stream's row and goes
to its listeners, and neither to consumers nor into the published schema. The other way round, the field `counted` holds
what figures are counted from, such as how long something took: consumers get it, listeners never do.
"""

from core.catalogue.registry import EventType, check, check_shape, find, find_public, list_published, register
from core.catalogue.shapes import Amount, Code, ForListeners, Id, Moment, Shape, as_code
