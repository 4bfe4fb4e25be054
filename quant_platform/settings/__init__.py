"""Settings: the environment and `.env` as typed, frozen values.

`Settings` (`core.py`) is everything about the platform itself. A vendor's settings belong to the
vendor, with the same `SettingsModel` (`model.py`). A setting of the environment wins over the same
name in `.env` (`environment.py`). Importing this loads pydantic, so the command line does it only
for a command that runs. What does not belong here: assumptions that nobody sets (`conventions.py`).
"""

from quant_platform.kernels.compiled import cache_in
from quant_platform.settings.core import PREFIX, Settings
from quant_platform.settings.environment import HOME_NAME, Environment, project_root, user_home
from quant_platform.settings.model import SettingsModel, Variable
from quant_platform.settings.values import Secret, without_password

__all__ = [
    "HOME_NAME",
    "PREFIX",
    "Environment",
    "Secret",
    "Settings",
    "SettingsModel",
    "Variable",
    "project_root",
    "user_home",
    "without_password",
]

cache_in(lambda: Settings.load().home / "kernels")
