"""Dagster's home: a folder under the platform's home that holds the committed `dagster.yaml`.

The instance's storage finds its database through the settings. So the file is the same everywhere
and holds no address. The storage itself does not belong here: see `instance/`.
"""

import os
from pathlib import Path

import quant_platform
from quant_platform.errors import SettingsError
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.files import replace_file

INSTANCE_FILE = "dagster.yaml"


def instance_file() -> Path:
    """Return the committed instance configuration.

    It lies at the top of a checkout, or inside an installed package.
    """
    package = Path(quant_platform.__file__).parent
    for path in (package / "_instance" / INSTANCE_FILE, package.parent / INSTANCE_FILE):
        if path.is_file():
            return path
    raise SettingsError(
        "dagster.yaml is missing from the installation", "Install the package again"
    )


def enter_dagster_home(settings: Settings) -> Path:
    """Create Dagster's home; point this process and its children to it and the platform's home."""
    home = settings.home.expanduser().resolve()
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / INSTANCE_FILE, instance_file().read_bytes())
    os.environ["DAGSTER_HOME"] = str(folder)
    os.environ[PREFIX + "HOME"] = str(home)
    return folder
