"""The compose file: valid, no default password, bound to this machine, every service watched."""

import subprocess
import sys
from pathlib import PurePosixPath

import pytest
import yaml

from quant_platform_tests.support.services import CHECKOUT
from quant_platform_tests.test_deployment.compose import (
    COMPOSE_FILE,
    MissingVariableError,
    Service,
    services,
)

ALL = services({"POSTGRES_PASSWORD": "x"})
OWN = ("code", "webserver", "daemon")

every_service = pytest.mark.parametrize("service", ALL.values(), ids=ALL)
own_service = pytest.mark.parametrize("service", [ALL[name] for name in OWN], ids=OWN)


def test_the_file_is_valid_by_the_published_schema() -> None:
    # check-jsonschema carries the schema of the Compose specification.
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    result = subprocess.run([*check, COMPOSE_FILE], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_four_services_are_there() -> None:
    assert set(ALL) == {"postgres", *OWN}


@pytest.mark.parametrize("variables", [{}, {"POSTGRES_PASSWORD": ""}], ids=["unset", "empty"])
def test_without_a_password_compose_refuses_and_says_what_to_do(variables: dict[str, str]) -> None:
    with pytest.raises(MissingVariableError, match=r"Set POSTGRES_PASSWORD in the file \.env"):
        services(variables)


def test_the_password_is_written_nowhere() -> None:
    document = yaml.safe_load(COMPOSE_FILE.read_text())
    environments = [
        document["x-platform"]["environment"],
        document["services"]["postgres"]["environment"],
    ]
    secrets = {
        name: value for env in environments for name, value in env.items() if "PASSWORD" in name
    }
    assert set(secrets) == {"PGPASSWORD", "POSTGRES_PASSWORD"}
    assert all(value.startswith("${POSTGRES_PASSWORD:?") for value in secrets.values())
    # user@host: a URL with a password has user:password@host
    assert environments[0]["DATABASE_URL"].startswith("postgresql://quant_platform@postgres:5432/")


@every_service
def test_ports_are_bound_to_this_machine(service: Service) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.spec.get("ports", []))


def test_published_ports() -> None:
    published = {name: service.spec.get("ports", []) for name, service in ALL.items()}
    assert published == {
        "postgres": ["127.0.0.1:15432:5432"],
        "code": [],
        "webserver": ["127.0.0.1:3000:3000"],
        "daemon": [],
    }


@every_service
def test_every_service_is_watched_restarted_and_bounded(service: Service) -> None:
    assert service.health_command
    assert {"interval", "timeout", "retries", "start_period"} <= set(service.spec["healthcheck"])
    assert service.spec["restart"] == "unless-stopped"
    assert service.spec["mem_limit"]
    assert service.spec["logging"]["options"]["max-size"]


@every_service
def test_the_network_of_the_host_is_not_shared(service: Service) -> None:
    assert "network_mode" not in service.spec
    assert "privileged" not in service.spec
    assert not any("docker.sock" in volume for volume in service.spec.get("volumes", []))


@own_service
def test_own_services_start_when_what_they_need_is_healthy(service: Service) -> None:
    needed = {"code": ["postgres"]}.get(service.name, ["postgres", "code"])
    assert service.dependencies == needed


@own_service
def test_own_services_share_one_image_and_environment(service: Service) -> None:
    assert service.spec["image"] == ALL["code"].spec["image"]
    assert service.spec["build"] == "."
    assert service.environment == ALL["code"].environment


def test_data_lives_in_named_volumes() -> None:
    document = yaml.safe_load(COMPOSE_FILE.read_text())
    mounted = {
        volume.split(":")[0] for service in ALL.values() for volume in service.spec["volumes"]
    }
    assert mounted == set(document["volumes"])


def test_the_image_holds_what_the_compose_file_names() -> None:
    lines = (CHECKOUT / "Dockerfile").read_text().splitlines()
    home = ALL["code"].environment["DAGSTER_HOME"]
    assert f"COPY dagster.yaml docker/workspace.yaml {home}/" in lines
    for name in ("webserver", "daemon"):
        assert ALL[name].command[-2:] == ["-w", f"{home}/workspace.yaml"]
    made = " ".join(lines)
    folders = [volume.split(":")[1] for name in OWN for volume in ALL[name].spec["volumes"]]
    assert all(folder in made for folder in folders), "a volume on a missing folder belongs to root"


def test_the_image_is_pinned_and_runs_without_root() -> None:
    lines = (CHECKOUT / "Dockerfile").read_text().splitlines()
    bases = {line.split()[1] for line in lines if line.startswith("FROM ")}
    assert bases == {"python:3.12-slim-bookworm"}
    assert [line for line in lines if line.startswith("USER ")] == ["USER platform"]
    assert any("--require-hashes" in line for line in lines)
    assert not any(line.startswith("HEALTHCHECK") for line in lines), "each service has its own"


def test_the_build_sees_only_what_the_dockerfile_copies() -> None:
    lines = (CHECKOUT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    admitted = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {
        str(PurePosixPath(source))
        for line in (CHECKOUT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert admitted == copied
