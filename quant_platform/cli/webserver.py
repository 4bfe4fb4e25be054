"""Dagster's webserver behind `guard.py`: `python -m quant_platform.cli.webserver`.

It takes the arguments of `dagster-webserver`. `dev` and the compose file start it; a bare
`dagster dev` or `dagster-webserver` has no guard.
"""

from typing import Any

from dagster_webserver import cli as dagsters
from dagster_webserver.app import create_app_from_workspace_process_context as make_app

from quant_platform.cli.guard import Guard
from quant_platform.defs.paging import begin_pages_at_the_end
from quant_platform.settings import Settings


def main() -> None:
    """Serve until stopped."""
    names = Settings.load().ui_hosts
    begin_pages_at_the_end()

    def guarded(*arguments: Any, **options: Any) -> Guard:
        return Guard(make_app(*arguments, **options), names)

    # Dagster makes its application and serves it in one function, so the maker is what we replace.
    vars(dagsters)["create_app_from_workspace_process_context"] = guarded
    dagsters.main()  # type: ignore[no-untyped-call]  # untyped in Dagster


if __name__ == "__main__":
    main()
