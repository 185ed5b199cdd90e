"""The compose file is valid, closed by default, and agrees with the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.jobs.worker_pool import _ENDING as ENDING
from orchestrator.serving import Limits
from tests.docker.image import image
from tests.docker.programs import COMPOSE_FILE, compose, compose_lint, config

#: Those of the product's image, and those of others: with the user that each runs as.
SERVICES = ("api", "index", "worker")
SERVERS = {"postgres": "999:999", "valkey": "999:999", "qdrant": "1000:1000", "prometheus": "65534:65534"}
PROFILES = {
    "api": [],
    "index": ["index"],
    "worker": ["workers"],
    "postgres": ["workers"],
    "valkey": ["workers"],
    "qdrant": ["qdrant"],
    "vllm": ["gpu"],
    "prometheus": ["monitoring"],
}


def test_docker_compose_accepts_the_file():
    done = compose("config", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("line", "instead", "complaint"),
    [
        ("    restart: unless-stopped", "    restarts: unless-stopped", "restarts"),
        ("      - data:/data", "      - lost:/data", "undefined volume lost"),
        ("    stop_grace_period: 20s", "    stop_grace_period: soon", "stop_grace_period"),
        ("    <<: *product", "    <<: *products", "products"),
    ],
)
def test_docker_compose_refuses_a_planted_fault(tmp_path: Path, line: str, instead: str, complaint: str):
    text = COMPOSE_FILE.read_text(encoding="utf-8")
    assert f"\n{line}\n" in text
    planted = tmp_path / "compose.yaml"
    planted.write_text(text.replace(f"\n{line}\n", f"\n{instead}\n"), encoding="utf-8")
    done = compose("config", "--quiet", file=planted)
    assert done.returncode != 0
    assert complaint in done.stderr


def test_compose_lint_finds_nothing_but_what_is_known():
    # CL-0019: images are named by tags, and whoever deploys pins them; docs/deployment.md says how.
    tags = {(name, "CL-0019") for name in PROFILES}
    # CL-0007, CL-0026: vLLM compiles where it runs, with all processors of the host.
    assert compose_lint() == {*tags, ("vllm", "CL-0007"), ("vllm", "CL-0026")}


@pytest.mark.parametrize(
    ("line", "instead", "found"),
    [
        ("  cap_drop: [ALL]", "", "CL-0006"),
        ('  security_opt: ["no-new-privileges:true"]', "", "CL-0003"),
        ("    secrets: [metrics_key]", "    privileged: true", "CL-0002"),
        ("      - prometheus:/prometheus", "      - /var/run/docker.sock:/var/run/docker.sock", "CL-0001"),
    ],
)
def test_compose_lint_finds_a_planted_fault(tmp_path: Path, line: str, instead: str, found: str):
    text = COMPOSE_FILE.read_text(encoding="utf-8")
    assert f"\n{line}\n" in text
    planted = tmp_path / "compose.yaml"
    planted.write_text(text.replace(f"\n{line}\n", f"\n{instead}\n"), encoding="utf-8")
    assert ("prometheus", found) in compose_lint(planted)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return config()["services"]


def test_only_this_machine_reaches_the_published_port(services: dict[str, Any]):
    ports = {name: service.get("ports", []) for name, service in services.items()}
    assert {port["host_ip"] for each in ports.values() for port in each} == {"127.0.0.1"}
    assert {name for name, published in ports.items() if published} == {"api", "prometheus"}
    target = str(ports["api"][0]["target"])
    assert target == image().last("EXPOSE").text
    assert target == image().environment["ORCHESTRATOR_SERVE__PORT"]


def test_another_published_port_is_still_this_machines_alone():
    port = config({"API_PORT": "9000"})["services"]["api"]["ports"][0]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "9000", 8000)


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_as_few_rights_as_it_needs(services: dict[str, Any], name: str):
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == image().last("USER").text
    assert not service["user"].startswith(("0", "root"))
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service)
    limits = service["deploy"]["resources"]["limits"]
    assert limits.keys() >= {"cpus", "memory", "pids"}


@pytest.mark.parametrize("name", [*SERVERS, "vllm"])
def test_servers_of_others_have_few_rights_as_well(services: dict[str, Any], name: str):
    service = services[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service)
    assert service["deploy"]["resources"]["limits"].keys() >= {"memory", "pids"}
    # vLLM's image has no other user than root, and compiles where it runs.
    assert service.get("user") == SERVERS.get(name)
    assert service.get("read_only", False) is (name != "vllm")
    # A tag that moves would be another program tomorrow.
    assert not service["image"].endswith((":latest", name))


def test_each_profile_has_its_services(services: dict[str, Any]):
    assert {name: service.get("profiles", []) for name, service in services.items()} == PROFILES


def test_a_gpu_is_reserved_by_count_and_a_model_has_time_to_load(services: dict[str, Any]):
    (device,) = services["vllm"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["count"], device["capabilities"]) == ("nvidia", 1, ["gpu"])
    assert seconds(str(services["vllm"]["healthcheck"]["start_period"])) >= 600


def test_no_password_has_a_default():
    for service in config()["services"].values():
        told = service.get("environment", {})
        assert not [name for name, value in told.items() if "PASS" in name and not name.endswith("_FILE")]


def test_workers_see_the_documents_that_are_indexed_under_the_same_path(services: dict[str, Any]):
    mounts = [
        {each["target"]: (each["type"], each["source"]) for each in services[name]["volumes"]}
        for name in ("worker", "index")
    ]
    assert mounts[0] == mounts[1]


def test_a_stopped_worker_has_the_time_to_give_back(services: dict[str, Any]):
    assert seconds(services["worker"]["stop_grace_period"]) > ENDING


@pytest.mark.parametrize("name", SERVICES)
def test_what_lasts_is_in_the_volume_of_the_image(services: dict[str, Any], name: str):
    mounts = {each["target"]: each for each in services[name]["volumes"]}
    home = image().environment["ORCHESTRATOR_HOME"]
    assert image().last("VOLUME").text == home
    assert (mounts[home]["type"], mounts[home]["source"]) == ("volume", "data")
    assert all(mount.get("read_only") for target, mount in mounts.items() if target != home)
    assert [each.partition(":")[0] for each in services[name]["tmpfs"]] == [image().environment["HOME"]]


@pytest.mark.parametrize("name", SERVICES)
def test_keys_come_as_a_file_and_never_in_the_environment(services: dict[str, Any], name: str):
    secret = services[name]["secrets"][0]
    assert services[name]["environment"] == {"ORCHESTRATOR_CONFIG": f"/run/secrets/{secret['target']}"}


@pytest.mark.parametrize("name", SERVICES)
def test_the_image_is_built_here_and_never_pulled(services: dict[str, Any], name: str):
    assert services[name]["pull_policy"] == "never"
    assert "/" not in services[name]["image"]
    assert services[name]["build"]["dockerfile"] == "docker/Dockerfile"


def test_the_health_check_is_that_of_the_image(services: dict[str, Any]):
    check = services["api"]["healthcheck"]
    assert check["test"] == ["CMD", *image().health_command]
    said = {name.replace("-", "_"): value for name, value in image().health_options.items()}
    assert {name: seconds(str(check[name])) for name in said} == {
        name: seconds(value) for name, value in said.items()
    }


def test_a_stopped_server_has_the_time_to_finish_its_runs(services: dict[str, Any]):
    assert seconds(services["api"]["stop_grace_period"]) > Limits().grace + 5


def seconds(duration: str) -> float:
    """A duration as Docker writes it, `1m30s`, in seconds; a bare number is itself."""
    minutes, _, rest = duration.rpartition("m")
    return float(minutes or 0) * 60 + float(rest.removesuffix("s") or 0)
