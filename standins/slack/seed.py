"""The demo's workspaces: a bot, a signing secret, a channel and the members of each organisation."""

import hashlib
from dataclasses import dataclass, field

# Names of the demo's cast, and somebody who has no account in the product.
CAST = {
    "acme": ("Acme Shoes", ("Olivia Berg", "Anna Lindqvist", "Ben Okafor", "Sam Rossi", "Nora, a guest")),
    "globex": ("Globex Travel", ("Grace Hill", "Gina Moretti", "Gus Adeyemi", "Noel, a guest")),
}
CHANNEL_NAME = "approvals"


@dataclass(frozen=True)
class Workspace:
    """One workspace with one app in it."""

    slug: str
    name: str
    team: str
    channel: str
    people: dict[str, str]
    bot_token: str = field(repr=False)
    signing_secret: str = field(repr=False)

    @property
    def path(self) -> str:
        """Return the path of the product's door for this workspace."""
        return f"/channels/slack/{door_key(self.slug)}/interactivity/"


def door_key(slug: str) -> str:
    """Return the public key in the workspace's address; fixed, so that both sides know it."""
    return f"{slug}-slack"


def identity(kind: str, *parts: object) -> str:
    """Return an id of Slack's form; fixed, so that the product's demo knows it."""
    named = ":".join(["sandbox-slack", *map(str, parts)])
    return kind + hashlib.sha256(named.encode()).hexdigest()[:10].upper()


def team_id(slug: str) -> str:
    """Return the id of the workspace."""
    return identity("T", slug)


def channel_id(slug: str) -> str:
    """Return the id of the workspace's channel."""
    return identity("C", slug, CHANNEL_NAME)


def member_id(slug: str, name: str) -> str:
    """Return the id of a member."""
    return identity("U", slug, name)


def bot_token(slug: str, secret: str) -> str:
    """Return the bot's token, derived from the secret shared with the installation."""
    return "xoxb-" + hashlib.sha256(f"{secret}:{slug}:slack".encode()).hexdigest()


def signing_secret(slug: str, secret: str) -> str:
    """Return the secret that signs requests to the product."""
    return hashlib.sha256(f"{secret}:{slug}:slack-signing".encode()).hexdigest()[:32]


def demo_workspaces(secret: str) -> list[Workspace]:
    """Return the demo's workspaces."""
    return [
        Workspace(
            slug=slug,
            name=name,
            team=team_id(slug),
            channel=channel_id(slug),
            people={member_id(slug, person): person for person in people},
            bot_token=bot_token(slug, secret),
            signing_secret=signing_secret(slug, secret),
        )
        for slug, (name, people) in CAST.items()
    ]
