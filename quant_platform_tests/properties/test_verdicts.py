"""Law 2 for verdicts: however the sessions to judge are cut, `data_quality` holds the same rows."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from quant_platform.features.feature_set import TECHNICAL
from quant_platform.market.calendar import Calendar, parse_date
from quant_platform.pipeline.platform import Platform
from quant_platform.quality import sampling
from quant_platform.quality.check import QualityCheck
from quant_platform.quality.computed import computed_checks
from quant_platform.quality.judging import judge_blocks
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import FIRST, LAST, SampleMarket
from quant_platform_tests.support.tables import fetch

DAYS = [day.isoformat() for day in Calendar().sessions(parse_date(FIRST), parse_date(LAST))]
SAMPLES = ["2004-09-03", "2004-10-21"]

CHECKS = computed_checks((TECHNICAL,))
SAMPLING = [
    check.name
    for check in CHECKS
    if check.name.endswith("_causality") or check.name == "performance_recomputed"
]


def judge(platform: Platform, checks: Sequence[QualityCheck], sessions: Sequence[str]) -> None:
    for check in checks:
        judge_blocks(platform, [check], sessions)


def verdicts(database: Database) -> list[tuple[object, ...]]:
    columns = "date::text, check_name, passed, failures, details::text"
    return fetch(database, f"SELECT {columns} FROM data_quality ORDER BY 2, 1")  # noqa: S608 — our columns


@pytest.fixture
def platform(computed: Database, tmp_path: Path) -> Platform:
    values = {"DATABASE_URL": computed.url, PREFIX + "HOME": str(tmp_path)}
    return Platform(Settings.load(values, tmp_path), SampleMarket())


def test_any_cut_stores_the_same_verdicts(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Something to find in a sampled session, and in one that nobody looks at.
    fetch(platform.database, f"UPDATE features SET rsi_14 = rsi_14 + 1 WHERE date = '{SAMPLES[0]}'")  # noqa: S608
    fetch(platform.database, f"UPDATE features SET rsi_14 = rsi_14 + 1 WHERE date = '{DAYS[3]}'")  # noqa: S608
    judge(platform, CHECKS, DAYS)
    whole = verdicts(platform.database)
    assert len(whole) == len(CHECKS) * len(DAYS)
    judged = {(day, name): passed for day, name, passed, *_ in whole if passed is not None}
    for name in SAMPLING:
        assert [day for day, other in judged if other == name] == SAMPLES, name
    assert [day for (day, name), passed in judged.items() if not passed] == [SAMPLES[0]]

    def again(pieces: Sequence[Sequence[str]]) -> None:
        fetch(platform.database, "DELETE FROM data_quality")
        for piece in pieces:
            judge(platform, CHECKS, piece)
        assert verdicts(platform.database) == whole

    # Ragged pieces that end before, at and after a sample; then every sample in a batch of its own.
    ends = [0, 5, DAYS.index(SAMPLES[0]), DAYS.index(SAMPLES[0]) + 1, 70, len(DAYS)]
    again([DAYS[start:end] for start, end in pairwise(ends)])
    monkeypatch.setattr(sampling, "BLOCK_ROWS", 1)
    again([DAYS])


def test_day_by_day(platform: Platform) -> None:
    sampling_checks = [check for check in CHECKS if check.name in SAMPLING]
    judge(platform, sampling_checks, DAYS)
    whole = verdicts(platform.database)
    fetch(platform.database, "DELETE FROM data_quality")
    for day in DAYS:
        judge(platform, sampling_checks, [day])
    assert verdicts(platform.database) == whole
