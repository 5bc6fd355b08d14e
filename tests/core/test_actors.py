"""Who acts: a person, by their key or in a session, or nobody who is one."""

from dataclasses import replace
from uuid import uuid4

import pytest

from core.actors import Actor, system
from core.errors import Refused

ME = uuid4()
SESSION = Actor.of_user(ME, "support")
ACTORS = {
    "session": (SESSION, ME, ME),
    "key": (replace(SESSION, kind="api_key", scopes=frozenset({"hitl.view_approval"})), ME, None),
    "limited session": (SESSION.limited_to(frozenset()), ME, None),
    "system": (system("sweep"), None, None),
    "agent": (Actor(kind="agent", id=uuid4(), role="agent"), None, None),
}


@pytest.mark.parametrize("name", ACTORS)
def test_person_is_behind_a_session_and_a_key_but_a_key_is_not_everywhere_enough(name: str) -> None:
    actor, with_key, without = ACTORS[name]
    for by_key, person in ((True, with_key), (False, without)):
        if person is not None:
            assert actor.require_person("Only people have sessions.", by_key=by_key) == person
            continue
        with pytest.raises(Refused, match="Only people have sessions") as refused:
            actor.require_person("Only people have sessions.", by_key=by_key)
        assert refused.value.code == "not_a_person"
