"""Starts everything that one Walker consists of, in order."""

import contextlib
import hashlib
import json
import secrets
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from config.launcher import env, parts, ports, processes
from config.launcher.faults import StartError
from config.launcher.parts import Part
from config.launcher.place import ON_DEMAND, PRODUCTS, ROOT, STAND_INS
from config.launcher.processes import Spec
from config.launcher.servers import services
from config.launcher.servers.roles import PLATFORM
from config.launcher.supervisor import Supervisor, say
from core.observability.ports import ELSEWHERE, SHARED
from standins.google_ads import seed as google_ads
from standins.mailbox import seed
from standins.meta.ads import seed as meta_ads

FEW_MODELS = 2
MODEL_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")
TIME_LIMITS = ("WALKER_STATEMENT_SECONDS", "WALKER_LOCK_SECONDS", "WALKER_IDLE_TRANSACTION_SECONDS")
"""Settings that `migrate` hands to the database."""
_MANAGE = str(ROOT / "manage.py")
DETAILS = 20_000
"""More than the checks and gauges of /readyz take."""
_CODE = "core accounts console hitl conversations integrations agents analytics channels_app config demo".split()


@dataclass
class Installation:
    """One running Walker: its services and its processes."""

    supervisor: Supervisor
    host: str
    port: int
    demo: bool
    durable: bool = True
    asgi: str = "config.asgi:application"
    environment: dict[str, str] = field(default_factory=dict)
    metrics_port: int = 0

    @property
    def url(self) -> str:
        """Where people reach it."""
        return env.given("PUBLIC_URL") or f"http://127.0.0.1:{self.port}"

    @property
    def door(self) -> str:
        """Where the web process listens, seen from this machine."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "localhost") else self.host  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def start_services(self, *, for_tests: bool = False) -> None:
        """Start PostgreSQL and Redis and settle the environment."""
        place = self.supervisor.place
        stand_ins = self._stand_in_ports()
        addresses = services.start(self.supervisor, durable=self.durable, for_tests=for_tests)
        settings = {**addresses.as_settings(), "PUBLIC_URL": self.url, "WALKER_RUN": secrets.token_hex(8)}
        # Without a token, metrics and the names of failing checks are open in the demo, and closed elsewhere.
        made = "" if self.demo else env.own_secrets(place)["metrics"]
        settings["METRICS_TOKEN"] = env.given("METRICS_TOKEN") or made
        if self.demo:
            settings |= {"WALKER_DEMO": "1", **self._stand_in_settings(stand_ins)}
        self.environment = env.build(place, settings)
        env.keep(place, self.environment)
        if self.demo:
            self._start_stand_ins(stand_ins)

    def _stand_in_ports(self) -> dict[str, int]:
        place = self.supervisor.place
        if not self.demo:
            return {}
        kept = place.read(place.state)
        found = {name: ports.pick(kept.get(f"{name}_port", 0)) for name in STAND_INS}
        place.update_state(**{f"{name}_port": port for name, port in found.items()})
        return found

    def _stand_in_settings(self, stand_ins: dict[str, int]) -> dict[str, str]:
        made = env.own_secrets(self.supervisor.place)
        urls = {name: f"http://127.0.0.1:{port}" for name, port in stand_ins.items()}
        unless_given = {
            "TWILIO_API_BASE": urls["phone"],
            "TWILIO_CONTENT_BASE": urls["phone"],
            "META_API_BASE": urls["meta"],
            "META_LOGIN_BASE": urls["meta"],
            "META_ADS_APP_ID": meta_ads.app_id(),
            "META_ADS_APP_SECRET": meta_ads.ads_app_secret(made["meta"]),
            "GOOGLE_ADS_API_BASE": urls["google_ads"],
            "GOOGLE_LOGIN_BASE": urls["google_ads"],
            "GOOGLE_TOKEN_BASE": urls["google_ads"],
            "GOOGLE_ADS_CLIENT_ID": google_ads.client_id(),
            "GOOGLE_ADS_CLIENT_SECRET": google_ads.client_secret(made["google_ads"]),
            "ZENDESK_API_BASE": f"{urls['zendesk']}/at/{{subdomain}}",
            "HUBSPOT_API_BASE": urls["hubspot"],
            "SALESFORCE_API_BASE": f"{urls['salesforce']}/at/{{domain}}",
            "SENDGRID_API_BASE": urls["mailbox"],
            "SLACK_API_BASE": f"{urls['slack']}/api",
            "PAGERDUTY_API_BASE": urls["pagerduty"],
            "MODEL_HOSTS": "127.0.0.1",
            "WEBHOOK_HOSTS": "127.0.0.1",
            "BACK_OFFICE_HOSTS": "127.0.0.1",
            "IDENTITY_HOSTS": "127.0.0.1",
        }
        return {
            "SANDBOX_ADS_URL": urls["platform"],
            **{f"SANDBOX_{name.upper()}_URL": urls[name] for name in PRODUCTS},
            **{f"SANDBOX_{name.upper()}_TOKEN": made[name] for name in PRODUCTS},
            **{name: env.given(name) or usual for name, usual in unless_given.items()},
            **_mail_of_the_demo(made["mailbox"]),
        }

    def _start_stand_ins(self, stand_ins: dict[str, int]) -> None:
        place = self.supervisor.place
        # The public address is what gets signed; the web process is reached directly.
        product = ("--public", self.url, "--door", self.door)
        more = {**dict.fromkeys(STAND_INS, ()), "platform": ("--seed", "demo"), **dict.fromkeys(PRODUCTS, product)}
        for name, port in stand_ins.items():
            command = ("-m", f"standins.{name}", "--port", str(port), "--data", str(place.stand_ins[name]), *more[name])
            if name in ON_DEMAND:
                self.supervisor.add_on_demand(self._spec(name, command), port)
            else:
                self.supervisor.add(self._spec(name, command))

    def migrate(self) -> None:
        """Bring the database up to the code, unless both are as the last start left them."""
        place = self.supervisor.place
        limits = [self.environment.get(name, "") for name in TIME_LIMITS]
        wanted = [fingerprint(), self.environment["DATABASE_OWNER_URL"], *limits]
        known = place.read(place.state).get("migrated")
        if known == wanted:
            return
        say("Migrating the database")
        self.manage("migrate", "--no-input")
        if known:
            self._tell_unsealed()
        place.update_state(migrated=wanted)

    def _tell_unsealed(self) -> None:
        """Say after an upgrade that rules are not sealed: requests are held then, and nothing else says why."""
        spec = self._spec("seal_rules", (_MANAGE, "seal_rules"))
        spec.log.unlink(missing_ok=True)
        try:
            self.supervisor.run_once(spec)
        except StartError:
            said = processes.tail(spec.log, 1).strip().removeprefix("CommandError: ")
            say(f"{said}\nList them: ./walker manage seal_rules    Seal them: ./walker manage seal_rules --accept")

    @contextlib.contextmanager
    def collecting(self) -> Iterator[None]:
        """Collect the static files while the block fills the database.

        Does nothing if they are as the last start left them.
        """
        place, wanted = self.supervisor.place, fingerprint(static=True)
        if place.read(place.state).get("collected") == wanted:
            yield
            return
        shutil.rmtree(place.path / "static", ignore_errors=True)
        spec = self._spec("collectstatic", (_MANAGE, "collectstatic", "--no-input", "-v", "0"))
        process = self.supervisor.add(spec)
        yield
        self.supervisor.finish(spec, process)
        place.update_state(collected=wanted)

    def seed(self) -> None:
        place = self.supervisor.place
        if not self.demo or place.read(place.state).get("seeded") == self.environment["DATABASE_URL"]:
            return
        say("Filling the demo")
        self.manage("demo")
        # It ends with the sign-ins, which are kept in one place only.
        (place.logs / "demo.log").unlink(missing_ok=True)
        place.update_state(seeded=self.environment["DATABASE_URL"])

    def start_processes(self) -> None:
        """Start web, worker and beat, which count into one folder, and workers that may wait for others.

        With a port for metrics one more process serves there what they count.
        """
        self.supervisor.place.empty_metrics()
        shared = {SHARED: str(self.supervisor.place.metrics)}
        if self.metrics_port:
            self.supervisor.add(self._spec("metrics", parts.metrics(self.metrics_port, self.supervisor.place.metrics)))
            shared[ELSEWHERE] = "1"
        # The supervisor waits ten seconds.
        self._add(
            parts.web(self.host, self.port, self.asgi), WALKER_DRAIN_SECONDS="8", WALKER_DRAIN_SPREAD="1", **shared
        )
        self._add(parts.worker("worker"), **shared)
        # Any organisation may add a model of its own; without one they only wait.
        models = parts.AT_ONCE["models"] if any(map(env.given, MODEL_KEYS)) else FEW_MODELS
        self._add(parts.worker("models", models), WALKER_MODEL_WORKERS=str(models), **shared)
        self._add(parts.worker("webhooks"), **shared)
        self._add(parts.beat(), **shared)

    def wait_until_ready(self, seconds: float = 60.0) -> str:
        """Tend the children until all work; return what is missing, "" once they do."""
        if self.supervisor.watch(lambda: not self.missing(), seconds):
            return ""
        # They may have begun to work since the last look.
        return ", ".join(self.missing())

    def missing(self) -> list[str]:
        """Return what /readyz finds missing, other processes among it."""
        status, text = self.readiness()
        try:
            body = json.loads(text)
            found = {**body["checks"], **body["alerts"]}
            return [name for name, check in found.items() if not check["ok"]]
        except (ValueError, KeyError, TypeError):
            if status == 200:  # it tells no more
                return []
            return ["the web process" if status == 0 else f"/readyz, which answers {status}"]

    def readiness(self) -> tuple[int, str]:
        """Return the status and the text of /readyz; 0 while nothing answers."""
        token = self.environment.get("METRICS_TOKEN", "")
        headers = {"Host": f"127.0.0.1:{self.port}", "Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"{self.door}/readyz", headers=headers)  # noqa: S310  (our own address)
        try:
            with _DIRECT.open(request, timeout=3) as answer:
                return answer.status, answer.read(DETAILS).decode(errors="replace")
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.code, problem.read(DETAILS).decode(errors="replace")
        except OSError as problem:
            return 0, str(problem)

    def has_organisations(self) -> bool:
        """Tell whether an organisation was opened, also one that is off; True where that can't be asked."""
        try:
            with psycopg.connect(self.environment["DATABASE_URL"]) as link:
                # For this transaction alone: a pool may lie between, and without the role no row is seen.
                link.execute(f"set local role {PLATFORM}")
                return link.execute("select 1 from accounts_tenant limit 1").fetchone() is not None
        except psycopg.Error:  # it decides about a hint, which is no reason to stop
            return True

    def manage(self, *command: str) -> None:
        self.supervisor.run_once(self._spec(command[0], (_MANAGE, *command)))

    def demo_facts(self) -> dict[str, Any]:
        """Return what `manage.py demo --json` says; kept between starts, as it does not change."""
        place = self.supervisor.place
        key = [fingerprint(), self.url, self.environment["DATABASE_URL"]]
        kept = place.read(place.path / "demo.json")
        if kept.get("key") != key:
            log = place.logs / "demo-json.log"
            log.unlink(missing_ok=True)
            self.supervisor.run_once(self._spec("demo-json", (_MANAGE, "demo", "--json")))
            text = log.read_text()
            try:
                kept = {"key": key, "facts": json.loads(text[text.index("{") :])}
            except ValueError:
                raise StartError(f"`manage.py demo --json` did not print JSON:\n{processes.tail(log)}") from None
            place.write(place.path / "demo.json", kept)
            log.unlink()
        facts: dict[str, Any] = kept["facts"]
        return facts

    def _add(self, part: Part, **more: str) -> None:
        self.supervisor.add(self._spec(part.name, part.arguments, {**part.settings, **more}))

    def _spec(self, name: str, arguments: tuple[str, ...], more: dict[str, str] | None = None) -> Spec:
        log = self.supervisor.place.logs / f"{name}.log"
        # Beat sleeps through a signal and has nothing to finish: its schedule is rows.
        patience = 1.0 if name == "beat" else 10.0
        return Spec(name, [sys.executable, *arguments], {**self.environment, **(more or {})}, log, patience=patience)


def fingerprint(*, static: bool = False) -> str:
    """Return a digest of the product's code and lock: when it is unchanged, so is what migrate would do.

    With `static`, of the static files as well.
    """
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for name in _CODE:
        for path in sorted((ROOT / name).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    for path in sorted((ROOT / "static").rglob("*.*")) if static else ():
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def stop_leftovers(supervisor: Supervisor) -> None:
    """Stop what a killed run left alive."""
    left = processes.heal(supervisor.place)
    if left:
        say(f"Stopped what a killed run left behind: {', '.join(left)}.")


def _mail_of_the_demo(secret: str) -> dict[str, str]:
    """Send the installation's own mail to the sandbox mailbox, unless another mail server is configured."""
    if any(env.given(name) for name in ("SENDGRID_API_BASE", "SENDGRID_API_KEY", "EMAIL_URL", "MAIL_FROM")):
        return {}
    _, sender, name = seed.CAST[seed.INSTALLATION]
    return {"SENDGRID_API_KEY": seed.api_key(seed.INSTALLATION, secret), "MAIL_FROM": f"{name} <{sender}>"}


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
