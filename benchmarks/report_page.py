"""The page of a session with 10 models over 2,520 sessions, side by side with quantstats.

The rival runs in a Python of its own, given by an argument; without it that row is left out. It
makes one page a strategy, so its seconds are of one page, and of ten where `--all` is given.

    python benchmarks/report_page.py [--quantstats PYTHON] [--all] [--out FOLDER]

What is timed is all that a page takes after its rows are read: bootstrap intervals of every figure
over 252 sessions, sections, charts and text. `first` is the first page of a process, `later` the
least of three more. The machine may be shared, so seconds of the processor stand beside those of
the clock.
"""

import argparse
import json
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from quant_platform.evaluation.performance import performance_intervals
from quant_platform.reports.data import ReportData
from quant_platform.reports.html import library_name, render_report
from quant_platform_tests.support.report_frames import large_report_data

MODELS, SESSIONS = 10, 2_520
MEGABYTE = 1_000_000

RIVAL = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import matplotlib
matplotlib.use("agg")
import pandas as pd
import quantstats as qs
frame = pd.read_csv(sys.argv[1], index_col=0, parse_dates=True)
taken = []
for name in frame.columns[1:][: int(sys.argv[3])]:
    wall, processor = time.perf_counter(), time.process_time()
    qs.reports.html(frame[name], benchmark=frame.iloc[:, 0], output=sys.argv[2], title=name)
    taken.append([time.perf_counter() - wall, time.process_time() - processor])
print(json.dumps(taken))
"""


def page(data: ReportData) -> tuple[str, float, float]:
    """A page with its intervals, and the seconds of the clock and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    intervals = performance_intervals(data.portfolios, 1)
    text = render_report(replace(data, intervals=intervals), library_name())
    return text, time.perf_counter() - wall, time.process_time() - processor


def quantstats(python: str, data: ReportData, count: int) -> list[list[float]]:
    """Seconds of the clock and the processor of the rival's pages, one a strategy."""
    wide = data.portfolios.pivot(index="date", columns="model_id", values="daily_return")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "returns.csv"
        wide.to_csv(source)
        command = [python, "-c", RIVAL, str(source), f"{folder}/page.html", str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: list[list[float]] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def main() -> None:
    """Print a line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quantstats", help="Python with quantstats")
    parser.add_argument("--all", action="store_true", help="all strategies of the rival")
    parser.add_argument("--out", type=Path, help="folder for the page")
    given = parser.parse_args()
    data = large_report_data(MODELS, SESSIONS)
    text, wall, processor = page(data)
    later = min(page(large_report_data(MODELS, SESSIONS))[1:] for _ in range(3))
    size = len(text.encode())
    print(f"{MODELS} models × {SESSIONS:,} sessions: {size / MEGABYTE:.3f} MB")
    print(f"  first page  {wall:6.2f} s, of the processor {processor:6.2f} s")
    print(f"  later page  {later[0]:6.2f} s, of the processor {later[1]:6.2f} s")
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "page.html").write_text(text, encoding="utf-8")
    if given.quantstats:
        taken = np.array(quantstats(given.quantstats, data, MODELS - 1 if given.all else 1))
        print(
            f"  quantstats, a strategy: {taken[:, 0].mean():6.2f} s,"
            f" of the processor {taken[:, 1].mean():6.2f} s"
        )


if __name__ == "__main__":
    main()
