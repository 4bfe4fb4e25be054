"""A process of its own that sends what waits, and stops before or after a message is sent.

Arguments: database URL, the channel's URL, and where to stop (`before`, `after`, `-`). It prints
`stopped` where it does, and waits there for a line on its input; it prints `done` at the end.
"""

import sys
from datetime import UTC, datetime

from quant_platform.alerts.channels import Channel
from quant_platform.alerts.delivery import deliver
from quant_platform.alerts.sending import Message, send
from quant_platform.settings.values import Secret
from quant_platform.storage.database import Database


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
    if word == "stopped":
        sys.stdin.readline()


def main() -> None:
    database, url, where = sys.argv[1:]

    def stopping(channel: Channel, message: Message) -> str:
        if where == "before":
            say("stopped")
        reason = send(channel, message)
        if where == "after":
            say("stopped")
        return reason

    channel = Channel("desk", "json", Secret(url), "info", None)
    deliver(Database(database), [channel], lambda: datetime.now(UTC), stopping)
    say("done")


if __name__ == "__main__":
    main()
