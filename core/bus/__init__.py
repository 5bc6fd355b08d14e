"""The bus: consumers read every event once, in the order of the transactions that wrote them.

Of two transactions that were open at the same time either may come first, also within a stream.

`subscribe` registers a consumer, in `AppConfig.ready` of the app it belongs to. Its `receive` is called with some
events of one tenant, in that tenant's scope and in the transaction that moves the consumer's cursor: what it writes to
the database is written exactly once, also if a process dies in between. It must not call anything outside.

Rows of streams are the events, nothing is written for the bus. A row is read once no older transaction is open any more
(`xid` below the horizon of the snapshot), so that none is missed; a consumer therefore stands still while any client
of the database cluster holds a writing transaction open. The gauges of `lag` show that.
"""

from core.bus.replays import Store, replay, replay_from
from core.bus.subscriptions import Event, Shadow, names, subscribe
from core.bus.turns import has_news, run_turn
