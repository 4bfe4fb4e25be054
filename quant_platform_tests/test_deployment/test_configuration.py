"""dagster.yaml, both workspaces and .env.example say what Dagster and the settings understand."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._core.workspace.load import location_origins_from_yaml_paths

from quant_platform.settings import Settings
from quant_platform_tests.support.services import CHECKOUT
from quant_platform_tests.test_deployment.compose import services

EXAMPLE = (CHECKOUT / ".env.example").read_text()
ASSIGNMENT = re.compile(r"^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)
EXAMPLES = dict(ASSIGNMENT.findall(EXAMPLE))


def test_dagster_accepts_the_instance_configuration() -> None:
    reference = InstanceRef.from_dir(
        str(CHECKOUT)
    )  # validates against Dagster's schema, connects to nothing
    assert reference.custom_instance_class_data is None
    storage = reference.storage_data
    assert storage is not None
    assert (storage.module_name, storage.class_name) == (
        "quant_platform.defs.instance.storage",
        "PlatformStorage",
    )
    assert reference.settings["telemetry"] == {"enabled": False}
    assert reference.settings["run_monitoring"] == {"enabled": True}
    assert reference.settings["run_retries"] == {
        "enabled": True,
        "max_retries": 1,
        "retry_on_asset_or_op_failure": False,
    }


def test_the_instance_configuration_holds_no_address_and_no_password() -> None:
    storage = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text())["storage"]
    assert storage["custom"]["config"] == {}


def test_the_workspace_of_the_checkout_names_the_definitions() -> None:
    (origin,) = location_origins_from_yaml_paths([str(CHECKOUT / "workspace.yaml")])
    assert origin.location_name == "quant_platform"
    assert origin.loadable_target_origin.module_name == "quant_platform.definitions"


def test_dagster_without_a_workspace_file_sees_the_same_location() -> None:
    # `dagster dev` prefers this block to workspace.yaml; a sensor's state hangs on the name.
    assert tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["dagster"] == {
        "module_name": "quant_platform.definitions",
        "code_location_name": "quant_platform",
    }


def test_the_workspace_of_the_containers_names_the_code_service() -> None:
    (origin,) = location_origins_from_yaml_paths([str(CHECKOUT / "docker/workspace.yaml")])
    assert isinstance(origin, GrpcServerCodeLocationOrigin)
    assert origin.location_name == "quant_platform"
    command = services({"POSTGRES_PASSWORD": "x"})[origin.host].command
    assert command[command.index("-p") + 1] == str(origin.port)
    assert command[command.index("-m") + 1] == "quant_platform.definitions"


def test_the_example_names_every_setting_and_no_other() -> None:
    source = Path(CHECKOUT / "quant_platform/settings/__init__.py").read_text()
    names = r"(?:QUANT_PLATFORM|DATABASE|DAGSTER|POLYGON|MASSIVE)_[A-Z0-9_]+"
    comments = re.findall(r": .*  # (.*)", source)
    named = {name for comment in comments for name in re.findall(names, comment)}
    assert set(EXAMPLES) == named | {"POSTGRES_PASSWORD"}


def test_the_example_is_all_comments() -> None:
    assert all(line.startswith("#") for line in EXAMPLE.splitlines() if line)


def test_the_commented_values_are_the_defaults(tmp_path: Path) -> None:
    shown = {
        name: value
        for name, value in EXAMPLES.items()
        if name.startswith(("QUANT_PLATFORM_", "POLYGON_", "MASSIVE_"))
    }
    assert Settings.load(shown, start=tmp_path) == Settings.load({}, start=tmp_path)


@pytest.mark.parametrize("name", ["DATABASE_URL", "DAGSTER_DATABASE_URL"])
def test_the_urls_shown_are_understood(name: str, tmp_path: Path) -> None:
    settings = Settings.load({name: EXAMPLES[name]}, start=tmp_path)
    assert getattr(settings, name.lower()) == EXAMPLES[name]


@pytest.mark.parametrize(
    "name",
    [
        "POSTGRES_PASSWORD",
        "POLYGON_API_KEY",
        "MASSIVE_API_KEY",
        "POLYGON_S3_KEY_ID",
        "POLYGON_S3_SECRET",
    ],
)
def test_the_example_holds_no_secret(name: str) -> None:
    assert EXAMPLES[name] == ""
