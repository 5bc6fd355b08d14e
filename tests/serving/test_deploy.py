"""What `deploy/` says of processes, limits and secrets is what the code says. No container tool is needed."""

import re
import subprocess
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from config import web
from config.launcher import cli, parts
from config.launcher.env import SERVERS
from config.launcher.place import ROOT
from core.observability import health

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
DRAIN_SECONDS = 30
ONE = "00000000-0000-0000-0000-000000000000"
SECRETS = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "WALKER_KEYS", "METRICS_TOKEN"}
Json = dict[str, Any]


def merged(under: Any, over: Any) -> Any:
    """Lay a patch over a resource as kustomize does: maps by key, lists of named things by name, others replaced."""
    if isinstance(under, dict) and isinstance(over, dict):
        return {**under, **{key: merged(under.get(key), value) for key, value in over.items()}}
    if isinstance(under, list) and isinstance(over, list) and all("name" in one for one in [*under, *over]):
        names = {one["name"]: one for one in under}
        return list({**names, **{one["name"]: merged(names.get(one["name"]), one) for one in over}}.values())
    return over


def base() -> list[Json]:
    """Return the resources of the base, with what its patch lays over each Deployment."""
    folder = KUBERNETES / "base"
    plan = yaml.safe_load((folder / "kustomization.yaml").read_text())
    found = [one for name in plan["resources"] for one in yaml.safe_load_all((folder / name).read_text())]
    assert [patch["target"] for patch in plan["patches"]] == [{"kind": "Deployment"}]
    over = {"spec": yaml.safe_load((folder / "pod.yaml").read_text())["spec"]}
    return [merged(one, over) if one["kind"] == "Deployment" else one for one in found]


def of(kind: str) -> dict[str, Json]:
    return {one["metadata"]["name"]: one for one in base() if one["kind"] == kind}


def pod_of(one: Json) -> Json:
    pod: Json = one["spec"]["template"]["spec"]
    return pod


def said(kustomization: Path) -> dict[str, str]:
    """Return what isn't secret, as a kustomization says it."""
    (made,) = yaml.safe_load(kustomization.read_text())["configMapGenerator"]
    return dict(line.split("=", 1) for line in made["literals"])


# ---- the image


def test_image_holds_the_product_and_nothing_else() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    folders = {name for line in copied for name in line.split() if (ROOT / name).is_dir()}
    packages = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"])
    assert folders == packages - {"demo"} | {"locale", "static", "templates"}
    assert [name for line in copied for name in line.split() if not (ROOT / name).exists()] == []


def test_image_is_built_from_hashes_and_runs_as_nobody_special() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    assert {line.split()[1] for line in re.findall(r"^FROM .*", text, re.MULTILINE)} == {"${BASE}", "packages"}
    installs = re.findall(r"pip install (.*)", text.replace("\\\n", " "))
    assert installs
    assert all("--require-hashes --no-deps --only-binary :all:" in line for line in installs)
    assert "embedded" not in "".join(installs)
    assert re.search(r"^USER (\d+):\1$", text, re.MULTILINE)
    entry, given = (re.search(rf"^{word} (\[.*\])$", text, re.MULTILINE) for word in ("ENTRYPOINT", "CMD"))
    assert entry
    assert given
    assert yaml.safe_load(entry[1]) == ["walker"]
    assert cli.parse(yaml.safe_load(given[1])).part == "web"


# ---- nginx


def nginx() -> str:
    return (DEPLOY / "nginx" / "walker.conf").read_text()


def body_limit(path: str) -> int:
    """Return how many megabytes nginx lets through to a path."""
    usual = re.search(r"^    client_max_body_size (\d+)m;", nginx(), re.MULTILINE)
    assert usual
    for pattern, inside in re.findall(r'location ~ "([^"]+)" \{(.*?)\n    \}', nginx(), re.DOTALL):
        if re.search(pattern, path):
            return int(re.findall(r"client_max_body_size (\d+)m;", inside)[0])
    return int(usual[1])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/v1/messages/",
        f"/channels/email/{'a' * 30}/inbound/",
        f"/admin/conversations/conversation/{ONE}/reply/",
        "/admin/conversations/cannedreply/create/",
        f"/admin/conversations/cannedreply/{ONE}/edit/",
        f"/api/v1/conversations/{ONE}/attachments/",
        f"/api/v1/canned-replies/{ONE}/files/",
        "/widget/v1/messages/",
        "/channels/app/shop/messages/",
        "/admin/agents/document/new/",
        "/api/v1/documents/upload/",
    ],
)
def test_nginx_takes_bodies_as_long_as_the_web_process_does(path: str) -> None:
    assert body_limit(path) * 1024 * 1024 == web.limit_of(path.encode())


def test_sockets_may_be_silent_for_longer_than_a_ping_and_its_answer_take() -> None:
    silent = parts.PING_EVERY + int(parts.PINGS[-1])
    (sockets,) = re.findall(r"location \^~ /ws/ \{(.*?)\n    \}", nginx(), re.DOTALL)
    waits = {name: int(seconds) for name, seconds in re.findall(r"(proxy_\w+_timeout) (\d+)s;", sockets)}
    assert waits.keys() == {"proxy_read_timeout", "proxy_send_timeout"}
    notes = of("Ingress")["walker"]["metadata"]["annotations"]
    waits |= {name: int(value) for name, value in notes.items() if name.endswith("-timeout")}
    assert [name for name, seconds in waits.items() if seconds <= silent] == []


def test_only_new_tls_is_spoken_and_nothing_is_logged() -> None:
    assert re.findall(r"ssl_protocols (.*);", nginx()) == ["TLSv1.2 TLSv1.3"]
    assert set(re.findall(r"access_log (.*);", nginx())) == {"off"}
    assert nginx().count("{") == nginx().count("}")
    notes = of("Ingress")["walker"]["metadata"]["annotations"]
    assert notes["nginx.ingress.kubernetes.io/enable-access-log"] == "false"


def test_nginx_of_compose_finds_the_web_container_after_it_was_made_anew() -> None:
    upstream = (DEPLOY / "compose" / "walker-upstream.conf").read_text()
    (address,) = re.findall(r"^    server (\S+):8000", upstream, re.MULTILINE)
    assert compose()["web"]["networks"]["outside"]["ipv4_address"] == address
    assert ip_address(address) in ip_network(compose()["web"]["environment"]["TRUSTED_PROXIES"])


def test_process_that_comes_back_is_asked_at_once() -> None:
    upstream = (DEPLOY / "nginx" / "walker-upstream.conf").read_text()
    assert re.findall(r"^    server 127\.0\.0\.1:(\d+) (.*);", upstream, re.MULTILINE) == [
        ("8001", "max_fails=0"),
        ("8002", "max_fails=0"),
    ]


def test_passwords_are_no_arguments_of_programs_in_the_pages() -> None:
    pages = [(ROOT / "docs" / "how-to" / f"install-{name}.md").read_text() for name in ("on-a-server", "in-kubernetes")]
    reads = [line for page in pages for line in page.splitlines() if "$(cat " in line]
    assert [line for line in reads if not line.startswith("echo ")] == []


def test_client_address_and_scheme_are_the_proxys_own_words() -> None:
    text = (DEPLOY / "nginx" / "walker-proxy.conf").read_text()
    given = dict(re.findall(r"proxy_set_header (\S+) (\S+);", text))
    assert (given["X-Forwarded-For"], given["X-Forwarded-Proto"]) == ("$remote_addr", "$scheme")


# ---- systemd


def unit(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", (DEPLOY / "systemd" / name).read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def test_units_start_every_process_by_the_one_command() -> None:
    wanted = " ".join(unit("walker.target")["Wants"]).split()
    started = {re.sub(r"walker(-web)?@(\w+)\.service", r"\1 \2", name) for name in wanted}
    assert started == {"-web 8001", "-web 8002", *(f" {name}" for name in parts.NAMES if name != "web")}
    for name, given, words in (
        ("walker-web@.service", "8001", "serve web --port 8001 --metrics-port 18001"),
        ("walker@.service", "worker", "serve worker --metrics-port"),
    ):
        (command,) = unit(name)["ExecStart"]
        program, _, rest = command.partition(" -m config.launcher ")
        assert program == "/opt/walker/.venv/bin/python"
        assert rest.replace("%i", given) == words
        cli.parse(words.split())


@pytest.mark.parametrize("name", ["walker-web@.service", "walker@.service", "walker-migrate.service"])
def test_units_get_secrets_as_files_and_as_little_else_as_they_need(name: str) -> None:
    found = unit(name)
    given = [word.split("=")[0] for line in found["Environment"] for word in line.split()]
    assert {one.removesuffix("_FILE") for one in given} - SECRETS == set()
    assert all(one.endswith("_FILE") for one in given)
    assert ("DATABASE_OWNER_URL_FILE" in given) == (name == "walker-migrate.service")
    assert (found["NoNewPrivileges"], found["ProtectSystem"], found["User"]) == (["yes"], ["strict"], ["walker"])
    if name != "walker-migrate.service":
        # Else systemd would end the children of a worker, which are the tasks under way.
        assert found["KillMode"] == ["mixed"]
        assert int(found["TimeoutStopSec"][0]) > DRAIN_SECONDS


# ---- compose


def compose() -> dict[str, Json]:
    services: dict[str, Json] = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]
    return services


def test_addresses_of_the_next_rungs_are_shown_where_they_would_be_set() -> None:
    for place in ("compose/compose.yaml", "systemd/walker.env", "kubernetes/production/kustomization.yaml"):
        text = (DEPLOY / place).read_text()
        assert [name for name in (*SERVERS, "WALKER_WEB_CONNECTIONS") if name not in text] == [], place


def test_compose_runs_every_process_after_the_migration() -> None:
    ours = {name: one for name, one in compose().items() if one["image"].startswith("${WALKER_IMAGE")}
    assert ours.keys() == {"migrate", *parts.NAMES}
    for name, one in ours.items():
        assert cli.parse(one["command"]).command == ("migrate" if name == "migrate" else "serve")
        assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
        after = one["depends_on"].get("migrate", {}).get("condition")
        assert after == (None if name == "migrate" else "service_completed_successfully")
        assert [key for key in one["environment"] if key in SECRETS] == []
        files = {key.removesuffix("_FILE") for key in one["environment"] if key.endswith("_FILE")}
        assert files == set(one["secrets"])
        assert ("DATABASE_OWNER_URL" in files) == (name == "migrate")


def test_every_secret_of_compose_is_made_by_the_script() -> None:
    declared = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["secrets"]
    script = (DEPLOY / "make-secrets.sh").read_text()
    assert [name for name in declared if name not in script] == []


def test_secrets_of_redis_are_made_again_where_the_script_ended_between_them(tmp_path: Path) -> None:
    command = ["sh", str(DEPLOY / "make-secrets.sh"), str(tmp_path)]
    (tmp_path / "REDIS_CONF").mkdir()  # what it can't write ends it there
    assert subprocess.run(command, check=False, capture_output=True, timeout=20).returncode != 0
    (tmp_path / "REDIS_CONF").rmdir()
    subprocess.run(command, check=True, timeout=20)
    password = urlsplit((tmp_path / "REDIS_URL").read_text()).password
    assert (tmp_path / "REDIS_CONF").read_text().startswith(f"requirepass {password}\n")


# ---- Kubernetes


def test_pods_run_every_process_and_wait_for_the_migration() -> None:
    deployments = of("Deployment")
    started = {name.removeprefix("walker-"): pod_of(one)["containers"] for name, one in deployments.items()}
    assert started.keys() == {"api", "sockets", *parts.NAMES} - {"web"}
    for name, (container,) in started.items():
        assert cli.parse(container["args"]).part == ("web" if name in ("api", "sockets") else name)
    waits = [pod_of(one)["initContainers"] for one in deployments.values()]
    assert all(cli.parse(container["args"]).wait > 0 for (container,) in waits)
    (job,) = of("Job").values()
    assert [cli.parse(container["args"]).wait for container in pod_of(job)["containers"]] == [0]


def test_no_pod_is_root_or_writes_and_secrets_are_files() -> None:
    for one in (*of("Deployment").values(), *of("Job").values()):
        pod = pod_of(one)
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            assert container["image"] == "walker"
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"requests", "limits"} <= container["resources"].keys()
            assert {entry["name"] for entry in container.get("env", ())} <= {f"{name}_FILE" for name in SECRETS}
            mounts = {mount["name"] for mount in container["volumeMounts"]}
            assert ("owner" in mounts) == (one["kind"] == "Job")
            assert mounts <= {volume["name"] for volume in pod["volumes"]}
    assert {name for name in said(KUBERNETES / "base" / "kustomization.yaml") if name in SECRETS} == set()


def test_web_pods_drain_within_the_time_they_are_given_and_are_seen_to() -> None:
    given = said(KUBERNETES / "base" / "kustomization.yaml")
    notice, seconds = int(given["WALKER_DRAIN_NOTICE"]), int(given["WALKER_DRAIN_SECONDS"])
    for name in ("walker-api", "walker-sockets"):
        pod = pod_of(of("Deployment")[name])
        assert pod["terminationGracePeriodSeconds"] > notice + seconds
        (container,) = pod["containers"]
        ready = container["readinessProbe"]
        assert ready["httpGet"]["path"] == "/readyz"
        assert ready["periodSeconds"] * ready["failureThreshold"] <= notice
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        # Probes ask for a pod's address, which is no name of the installation.
        assert ready["httpGet"]["httpHeaders"][0]["value"] in given["ALLOWED_HOSTS"].split(",")


def test_scaling_is_by_gauges_that_exist_and_disruptions_leave_somebody() -> None:
    gauges = {gauge.name for gauge in health._gauges.values()}
    deployments, least = of("Deployment"), {}
    for name, one in of("HorizontalPodAutoscaler").items():
        spec = one["spec"]
        least[name] = spec["minReplicas"]
        assert spec["scaleTargetRef"]["name"] == name
        # Else each apply would undo what scaling did.
        assert "replicas" not in deployments[name]["spec"]
        asked = {metric["external"]["metric"]["name"] for metric in spec["metrics"] if metric["type"] == "External"}
        assert asked <= gauges
    least |= {name: one["spec"]["replicas"] for name, one in deployments.items() if "replicas" in one["spec"]}
    assert {name: least[f"walker-{name}"] for name in ("api", "sockets", "beat")} == {"api": 3, "sockets": 2, "beat": 1}
    for name, one in of("PodDisruptionBudget").items():
        assert one["spec"]["minAvailable"] < least[name]


def test_number_of_model_workers_is_that_of_all_pods_together() -> None:
    usual = said(KUBERNETES / "base" / "kustomization.yaml")["WALKER_MODEL_WORKERS"]
    assert int(usual) == parts.AT_ONCE["models"] * of("Deployment")["walker-models"]["spec"]["replicas"]
    staging = KUBERNETES / "staging" / "kustomization.yaml"
    (fewer,) = yaml.safe_load(staging.read_text())["replicas"]
    assert int(said(staging)["WALKER_MODEL_WORKERS"]) == parts.AT_ONCE["models"] * fewer["count"]


def test_ingress_sends_sockets_apart_and_lets_the_longest_body_in() -> None:
    ingress = of("Ingress")["walker"]
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"] == "32m"
    assert web.MAIL_LIMIT == 32 * 1024 * 1024
    ((rule,), services) = (ingress["spec"]["rules"], of("Service"))
    found = {one["path"]: one["backend"]["service"]["name"] for one in rule["http"]["paths"]}
    assert found == {"/ws/": "walker-sockets", "/": "walker-api"}
    labels = [one["metadata"]["labels"] for one in of("Deployment").values()]
    assert all(services[name]["spec"]["selector"] in labels for name in found.values())


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_patches_of_overlays_find_what_they_change(overlay: str) -> None:
    plan = yaml.safe_load((KUBERNETES / overlay / "kustomization.yaml").read_text())
    for patch in plan["patches"]:
        target = patch["target"]
        named = [one for name, one in of(target["kind"]).items() if re.fullmatch(target.get("name", ".*"), name)]
        assert named
        for change in yaml.safe_load(patch["patch"]):
            for one in named:
                step: Any = one
                for key in change["path"].strip("/").split("/"):
                    step = step[int(key)] if isinstance(step, list) else step[key]
                assert type(step) is type(change["value"])
    host = said(KUBERNETES / overlay / "kustomization.yaml")["PUBLIC_URL"].removeprefix("https://")
    assert host in said(KUBERNETES / overlay / "kustomization.yaml")["ALLOWED_HOSTS"].split(",")
    assert any(change["value"] == host for patch in plan["patches"] for change in yaml.safe_load(patch["patch"]))


def test_cluster_is_reached_through_the_ingress_and_the_clouds_own_addresses_not_at_all() -> None:
    policies = of("NetworkPolicy")
    assert policies["walker"]["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policies["walker"]["spec"]
    names, *_ = policies["walker"]["spec"]["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    outside = [to["ipBlock"] for rule in policies["walker"]["spec"]["egress"] for to in rule["to"] if "ipBlock" in to]
    (anywhere,) = [block for block in outside if block["cidr"] == "0.0.0.0/0"]
    assert "169.254.0.0/16" in anywhere["except"]


# ---- metrics


def test_every_process_serves_its_metrics_and_prometheus_alone_reaches_them() -> None:
    given = said(KUBERNETES / "base" / "kustomization.yaml")
    port = int(given["WALKER_METRICS_PORT"])
    policies, deployments = of("NetworkPolicy"), of("Deployment")
    spec = policies["walker-metrics"]["spec"]
    (chosen,) = spec["podSelector"]["matchExpressions"]
    assert set(chosen["values"]) == {one["metadata"]["labels"][chosen["key"]] for one in deployments.values()}
    assert spec["ingress"] == [
        {
            "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "ports": [{"protocol": "TCP", "port": "metrics"}],
        }
    ]
    for one in deployments.values():
        notes = one["spec"]["template"]["metadata"]["annotations"]
        assert (notes["prometheus.io/scrape"], notes["prometheus.io/port"]) == ("true", str(port))
        ports = {each["name"]: each["containerPort"] for each in pod_of(one)["containers"][0]["ports"]}
        assert ports["metrics"] == port
    assert [port["port"] for rule in policies["walker-web"]["spec"]["ingress"] for port in rule["ports"]] == ["http"]
    ours = [one for name, one in compose().items() if name in parts.NAMES]
    assert {one["environment"]["WALKER_METRICS_PORT"] for one in ours} == {str(port)}
    assert [one for one in ours if "ports" in one] == []
