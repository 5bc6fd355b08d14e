"""The companies of the stand-in: who works there, who is turned off, and what the product hears of it."""

import re
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

from standins.errors import invalid, not_found, refuse_unknown
from standins.identity import seed
from standins.identity.calls import Caller
from standins.identity.keys import Keys
from standins.identity.scim import DIALECTS, Pusher
from standins.identity.store import Store
from standins.store import Document

LOGOUT: Final = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_LIFE: Final = 120
TIMES: Final = 5
PAUSE: Final = 0.5
CONNECTION: Final = ("redirect", "logout", "scim", "token", "dialect")
ADDRESS: Final = re.compile(r"(https?://[\w.:-]+(/[!-~]*)?)?", re.ASCII)
TOKEN: Final = re.compile(r"[!-~]{0,500}")
PERSON: Final = ("user_name", "first_name", "last_name", "email")
LONGEST: Final = 200


@dataclass
class Behaviour:
    """What is odd about the identity provider, beside the failure script."""

    seconds_later: float = 0.0
    """How far its clock is ahead."""
    wrong_nonce: bool = False


class Companies:
    """All companies: the identity provider and the directory of each know the same people."""

    def __init__(self, store: Store, secret: str, *, public: str, door: str) -> None:
        self.store, self._secret = store, secret
        self.keys = Keys(store)
        self.behaviour = Behaviour()
        self.address = ""
        self._caller = Caller(store, public=public, door=door)
        self._pusher = Pusher(store, self._caller)
        if store.company(next(iter(seed.COMPANIES))) is None:
            self._seed()
        self._pusher.start(tuple(seed.COMPANIES))

    def _seed(self) -> None:
        public = self._caller.public
        for slug in seed.COMPANIES:
            door = f"{public}/sign-in/company/{slug}"
            self.store.add_company(slug, f"{door}/back/", f"{door}/logout/", f"{public}/scim/v2")
            for group in seed.GROUPS:
                self.store.save_group(slug, "", group)
            for key, first, last, groups in seed.PEOPLE[slug]:
                address = f"{key}@{slug}.example"
                values = {"user_name": address, "first_name": first, "last_name": last, "email": address}
                self.store.save_person(slug, seed.lasting_id(slug, key), values, list(groups))

    def reset(self) -> None:
        """Go back to the seed; the keys stay, as those who have read them know them."""
        self.behaviour = Behaviour()
        with self.store.transaction():
            kept = {slug: self.store.keys(slug, 2)[::-1] for slug in seed.COMPANIES}
            self.store.clear()
            self._seed()
            for slug, keys in kept.items():
                for kid, pem in keys:
                    self.store.add_key(slug, kid, pem)

    def behave(self, wanted: Document) -> Document:
        """Change the behaviour; unknown names are refused."""
        refuse_unknown(wanted, Behaviour)
        self.behaviour = Behaviour(**wanted)
        return vars(self.behaviour).copy()

    def name(self, slug: str) -> str:
        """Return the name of a company."""
        return seed.COMPANIES[slug]

    def issuer(self, slug: str) -> str:
        """Return by which address a company's identity provider calls itself."""
        return f"{self.address}/{slug}"

    def client_secret(self, slug: str) -> str:
        """Return the secret of the product at a company's identity provider."""
        return seed.client_secret(slug, self._secret)

    def row(self, slug: Any) -> Document:
        """Return the row of a company. Raises a 404 error."""
        found = self.store.company(str(slug))
        if found is None:
            raise not_found()
        return found

    def _person(self, wanted: Document) -> tuple[str, Document]:
        slug = self.row(wanted.get("company"))["slug"]
        person = self.store.person(slug, str(wanted.get("person", "")))
        if person is None:
            raise not_found()
        return slug, person

    def connect(self, wanted: Document) -> Document:
        """Change how the product is connected: `{company, redirect, logout, scim, token, dialect}`, or some of it."""
        row = self.row(wanted.get("company"))
        given = {name: str(value).strip() for name, value in wanted.items() if name != "company"}
        if unknown := sorted(set(given) - set(CONNECTION)):
            raise invalid(**dict.fromkeys(unknown, "Unknown field."))
        if given.get("dialect", "okta") not in DIALECTS:
            raise invalid(dialect=f"One of {', '.join(DIALECTS)}.")
        places = ("redirect", "logout", "scim")
        wrong = {name: "An address, or nothing." for name in places if not ADDRESS.fullmatch(given.get(name, ""))}
        if not TOKEN.fullmatch(given.get("token", "")):
            wrong["token"] = "The token as Walker showed it, without spaces."  # noqa: S105
        if wrong:
            raise invalid(**wrong)
        if given.get("scim", row["scim"]) != row["scim"]:
            self.store.forget_pushed(row["slug"])
        self.store.set_company(row["slug"], problem="", **given)
        if any(given.get(name, row[name]) != row[name] for name in ("scim", "token", "dialect")):
            self.store.touch_all(row["slug"])
        self._pusher.wake()
        return {"status": "ok"}

    def save_person(self, wanted: Document) -> Document:
        """Add a person, or change one: `{company, person, user_name, first_name, last_name, email, groups}`."""
        slug = self.row(wanted.get("company"))["slug"]
        ident, groups = str(wanted.get("person", "")), wanted.get("groups")
        person = self.store.person(slug, ident) or {}
        if ident and not person:
            raise not_found()
        values: Document = {name: str(wanted[name]).strip() for name in PERSON if name in wanted}
        wrong = {name: f"At most {LONGEST} characters." for name, value in values.items() if len(value) > LONGEST}
        user_name = str(values.get("user_name", person.get("user_name", "")))
        if "@" not in user_name or '"' in user_name:
            wrong["user_name"] = "An address, such as nora@acme.example."
        others = {one["user_name"].lower() for one in self.store.people(slug) if one["id"] != ident}
        if user_name.lower() in others:
            wrong["user_name"] = "Somebody has this user name."
        if groups is not None and not (isinstance(groups, list) and all(isinstance(one, str) for one in groups)):
            wrong["groups"] = "A list of names."
        if wrong:
            raise invalid(**wrong)
        ident = self.store.save_person(slug, ident, values, groups)
        self._pusher.wake()
        return {"person": ident}

    def save_group(self, wanted: Document) -> Document:
        """Add a group, or give one another name: `{company, group, name}`."""
        slug, name = self.row(wanted.get("company"))["slug"], str(wanted.get("name", "")).strip()
        if not 0 < len(name) <= LONGEST or '"' in name:
            raise invalid(name=f"1 to {LONGEST} characters, without quotation marks.")
        ident = self.store.save_group(slug, str(wanted.get("group", "")), name)
        self._pusher.wake()
        return {"group": ident}

    def switch(self, wanted: Document) -> Document:
        """Turn a person off or on: `{company, person, active}`. Off ends what they opened, here and at the product."""
        slug, person = self._person(wanted)
        is_active = bool(wanted.get("active"))
        self.store.save_person(slug, person["id"], {"active": int(is_active)})
        self._pusher.wake()
        if not is_active:
            self.store.withdraw(person["id"])
            self.sign_out(slug, person["id"])
        return {"status": "ok"}

    def sign_out_everywhere(self, wanted: Document) -> Document:
        """Sign a person out: `{company, person}`."""
        slug, person = self._person(wanted)
        return {"sessions": self.sign_out(slug, person["id"])}

    def sign_out(self, slug: str, person: str, sid: str = "") -> int:
        """End a person's sessions, or one of them, and tell the product if there were any."""
        count, url = self.store.end_sessions(slug, person, sid), self.row(slug)["logout"]
        if count and url:
            threading.Thread(target=self._tell, args=(slug, url, person, sid), daemon=True).start()
        return count

    def _tell(self, slug: str, url: str, person: str, sid: str) -> None:
        """Send logout tokens until one is taken or refused: each has an id of its own, as an answer can be lost."""
        for number in range(TIMES):
            time.sleep(PAUSE * (2**number - 1))
            moment = int(time.time() + self.behaviour.seconds_later)
            facts = {"iss": self.issuer(slug), "aud": seed.client_id(slug), "sub": person, "iat": moment}
            facts |= {"exp": moment + LOGOUT_LIFE, "jti": str(uuid.uuid4()), **({"sid": sid} if sid else {})}
            token = self.keys.sign(slug, {**facts, "events": {LOGOUT: {}}}, kind="logout+jwt")
            status = self._caller.tell(slug, url, token)
            if 200 <= status < 500 and status != 429:
                return

    def rotate(self, wanted: Document) -> Document:
        """Sign with a new key from now on: `{company}`."""
        slug = self.row(wanted.get("company"))["slug"]
        self.keys.rotate(slug)
        return {"keys": [key["kid"] for key in self.keys.published(slug)["keys"]]}

    def push_all(self, wanted: Document) -> Document:
        """Push everybody and every group again: `{company}`."""
        slug = self.row(wanted.get("company"))["slug"]
        self.store.touch_all(slug)
        self.store.set_company(slug, problem="")
        self._pusher.wake()
        return {"status": "ok"}

    def view(self) -> Document:
        """Return what the page shows: no token of the directory."""
        return {"companies": [self._view(slug) for slug in seed.COMPANIES], "dialects": DIALECTS}

    def _view(self, slug: str) -> Document:
        row = self.row(slug)
        names = ("id", "user_name", "first_name", "last_name", "email", "active", "groups", "problem")
        return {
            "slug": slug,
            "name": self.name(slug),
            "issuer": self.issuer(slug),
            "client_id": seed.client_id(slug),
            "client_secret": self.client_secret(slug),
            "lines": seed.LINES,
            **{name: row[name] for name in ("redirect", "logout", "scim", "dialect", "problem")},
            "has_token": bool(row["token"]),
            "people": [
                {**{name: one[name] for name in names}, "is_due": one["revision"] > one["sent"]}
                for one in self.store.people(slug)
            ],
            "groups": [
                {
                    "id": one["id"],
                    "name": one["name"],
                    "problem": one["problem"],
                    "is_due": one["revision"] > one["sent"],
                }
                for one in self.store.groups(slug)
            ],
            "journal": self.store.journal(slug, limit=60),
        }
