"""Entry point of the command.

It imports nothing before it can say in one line that Ctrl-C was heard, even while Python still
reads the modules.
"""


def main() -> None:
    """Run the command line; see `application.run`."""
    try:
        from quant_platform.cli.application import run

        run()
    except KeyboardInterrupt:
        import sys

        sys.exit("Stopped.")
