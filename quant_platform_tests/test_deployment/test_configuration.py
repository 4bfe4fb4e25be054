"""dagster.yaml, both workspaces and .env.example say what Dagster and the settings understand."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._core.workspace.load import location_origins_from_yaml_paths

from quant_platform.cli.settings_files import all_entries, files
from quant_platform.settings import Environment, Settings, SettingsModel
from quant_platform.settings.model import variables
from quant_platform.vendors.vendor_registry import vendor_classes
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
    monitoring = reference.settings["run_monitoring"]
    assert isinstance(monitoring, dict)
    assert monitoring["enabled"] is True
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


MODELS: list[type[SettingsModel]] = [
    Settings,
    *(kind.settings_type for kind in vendor_classes().values() if kind.settings_type is not None),
]
"""Settings of the platform and of every vendor."""


@pytest.mark.parametrize("name", files())
def test_the_files_are_written_from_the_settings(name: str) -> None:
    assert (CHECKOUT / name).read_text(encoding="utf-8") == files()[name], "Run: make settings"


def test_every_setting_is_named_once_and_described() -> None:
    settings = all_entries()
    names = [name for entry in settings for name in entry.names]
    assert len(names) == len(set(names)) == 68
    assert set(EXAMPLES) == set(names)
    for entry in settings:
        assert entry.description.endswith("."), entry


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_but_the_environment_is_read_from_a_variable(
    model: type[SettingsModel],
) -> None:
    assert set(model.model_fields) - set(variables(model)) <= {"environment"}


def test_the_example_is_all_comments() -> None:
    assert all(line.startswith("#") for line in EXAMPLE.splitlines() if line)


def test_the_commented_values_are_the_defaults(tmp_path: Path) -> None:
    shown = {
        name: value
        for name, value in EXAMPLES.items()
        if name != "POSTGRES_PASSWORD" and not name.endswith("DATABASE_URL")
    }
    assert Settings.load(shown, start=tmp_path) == Settings.load({}, start=tmp_path)
    for model in MODELS:
        assert model.read(Environment(shown)) == model()


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
