"""A halted account trades again when a person says so, and comes out the same computed anew."""

from pathlib import Path

import pytest

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.pipeline.releases import release
from quant_platform.settings import PREFIX
from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import FIRST, dump, platform_of, run
from quant_platform_tests.support.tables import fetch

LIMITS = {PREFIX + "LIMITS": "drawdown=0.02:halt"}
"""What buy_and_hold loses in the first days of August 2004."""

HALTED = """
SELECT p.date::text, p.halted, p.gross_exposure > 0 FROM portfolios p
JOIN models m ON m.id = p.model_id WHERE model_name = 'buy_and_hold' ORDER BY 1
"""


def test_a_release_holds_from_the_next_session_on(fresh: Database, tmp_path: Path) -> None:
    assert run(fresh, tmp_path, FIRST, "2004-08-13", settings=LIMITS).success
    assert fetch(fresh, HALTED)[-1] == ("2004-08-13", True, False)
    platform = platform_of(fresh, tmp_path)
    session, is_new = release(platform, "buy_and_hold", "ann")
    assert (session.isoformat(), is_new) == ("2004-08-16", True)
    assert release(platform, "buy_and_hold", "ann") == (session, False)
    assert run(fresh, tmp_path, "2004-08-16", "2004-08-20", settings=LIMITS).success
    assert fetch(fresh, HALTED)[-5:] == [
        (f"2004-08-{day}", False, True) for day in (16, 17, 18, 19, 20)
    ]
    # All at once, from the same rows.
    before = dump(fresh)
    assert run(fresh, tmp_path, FIRST, "2004-08-20", settings=LIMITS).success
    assert dump(fresh) == before
    with pytest.raises(SettingsError, match="buy_and_hold is not halted on 2004-08-20"):
        release(platform, "buy_and_hold", "ann")
    with pytest.raises(UnknownNameError, match="no portfolio of a model 'sell_and_cry'"):
        release(platform, "sell_and_cry", "ann")
