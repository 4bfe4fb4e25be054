"""Run the server until it is interrupted; `--help` says how."""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from quant_platform.market.calendar import XNYS
from quant_platform_tests.support.polygon_server.plans import ADVANCED, BASIC
from quant_platform_tests.support.polygon_server.served_market import ServedMarket
from quant_platform_tests.support.polygon_server.server import PolygonServer

EXAMPLE = """example:
  python -m quant_platform_tests.support.polygon_server \\
      --symbols 12000 --sessions 504 --port 8787 --prepare

It prints the lines for .env that point the platform at it, then `ready`. Ctrl-C ends it.
Everything in the market is generated and named synthetic, unless --market sample is given."""


def main() -> None:
    options = _options()
    clock = _clock(options.now)
    market = _market(options, clock())
    server = PolygonServer(
        market,
        options.key,
        BASIC if options.free else ADVANCED,
        clock,
        host=options.host,
        port=options.port,
    )
    url = server.start()
    _say(f"{len(market.sessions)} sessions, {market.sessions[0]} to {market.sessions[-1]}")
    if options.prepare:
        _prepare(server)
    _say(f"POLYGON_BASE_URL={url}\nPOLYGON_API_KEY={options.key}\nready")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    _say(json.dumps(server.summary()))
    server.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m quant_platform_tests.support.polygon_server",
        description="A local stand-in for the Polygon.io API, over a generated market.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--market", choices=("synthetic", "sample"), default="synthetic", help="what it knows")
    add("--symbols", type=int, default=12_000, help="rows a session (default %(default)s)")
    add("--sessions", type=int, default=504, help="how many sessions (default %(default)s)")
    add("--end", type=date.fromisoformat, help="last session (default: the last one that closed)")
    add("--seed", type=int, default=1, help="another seed, another market (default %(default)s)")
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=8787, help="0 for any free one (default %(default)s)")
    add("--key", default="test-key", help="the key it accepts (default %(default)s)")
    add("--free", action="store_true", help="limits of the free plan: 5 calls a minute, 2 years")
    add("--now", type=datetime.fromisoformat, help="its time of day at the start, as UTC")
    add("--prepare", action="store_true", help="render every session before it is ready")
    return parser.parse_args()


def _market(options: argparse.Namespace, now: datetime) -> ServedMarket:
    if options.market == "sample":
        return ServedMarket.sample()
    end: date | None = options.end or XNYS.last_closed(now, XNYS.first)
    assert end is not None
    # Some 252 sessions a year; a few days more than are needed, then the last ones of them.
    first = end - timedelta(days=round(options.sessions * 1.6) + 10)
    sessions = XNYS.sessions(first, end)[-options.sessions :]
    return ServedMarket.synthetic(options.symbols, sessions, options.seed)


def _clock(start: datetime | None) -> Callable[[], datetime]:
    """Clock that shows `start` now and goes on from there."""
    if start is None:
        return lambda: datetime.now(UTC)
    aware = start if start.tzinfo else start.replace(tzinfo=UTC)
    began = time.monotonic()
    return lambda: aware + timedelta(seconds=time.monotonic() - began)


def _prepare(server: PolygonServer) -> None:
    began, total = time.monotonic(), len(server.market.sessions)

    def progress(done: int) -> None:
        if done % 50 == 0 or done == total:
            _say(f"rendered {done} of {total} sessions, {time.monotonic() - began:.1f} s")

    size = server.prepare(progress=progress)
    _say(f"{size / 1e6:.0f} MB packed")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
