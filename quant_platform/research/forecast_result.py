"""`ForecastRun`: what a forecaster foretold, the versions that did, and how it shows itself.

What does not belong here: how it comes about (`forecasts.py`), and what the ledger keeps of it
(`forecast_trials.py`).
"""

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quant_platform.learning.versions import Skill
from quant_platform.storage.trials import Counted

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

NOTHING = "Nothing was forecast: no version was in force in these sessions"

LEADING = 10
"""Features that are shown: those with the largest gain."""

SHOWN = ("champion", "reason", "sessions", "samples", "fitted_ic", "skill", "failed")


@dataclass(frozen=True, eq=False)
class ForecastRun:
    """What a forecaster foretold, and the versions that did.

    Attributes
    ----------
    name : of the estimator
    forecasts : pd.DataFrame
        Index `date` and `symbol`; `security_id`, `forecast` and `trained_on`, the training cut of
        the version in force.
    versions : pd.DataFrame
        Index `cut`: champion from then on, why, sessions and samples of training, rank correlation
        there (`fitted_ic`) and, of what was in force before, out of sample (`skill` with its 95 %
        interval), and why a training failed.
    gain, permutation : pd.DataFrame
        Importance of the features (rows) in each version (columns).
    skill : Skill
        Of all forecasts, over the label's horizon.
    rank_ic : pd.Series
        Rank correlation of each session's forecasts with what followed, NaN where it is not known.
    returns : pd.Series
        Of the spread of the forecasts before costs (`evaluation/forecast_spread.py`): what the
        ledger keeps. It is no portfolio.
    counted : Counted | None
        How many trials its study has with it. None: it was made without a store.
    """

    name: str
    forecasts: "pd.DataFrame"
    versions: "pd.DataFrame"
    gain: "pd.DataFrame"
    permutation: "pd.DataFrame"
    skill: Skill
    rank_ic: "pd.Series[float]"
    returns: "pd.Series[float]"
    counted: Counted | None = None

    @property
    def failed(self) -> str:
        """Why nothing was forecast; empty: something was."""
        if len(self.forecasts):
            return ""
        reasons = [each for each in self.versions["failed"] if each]
        return f"{NOTHING}; {reasons[-1]}" if reasons else NOTHING

    @property
    def warning(self) -> str:
        """What a reader must know: that it is not counted, or that nothing was forecast."""
        counted = "" if self.counted is None else self.counted.warning
        return ". ".join(each for each in (self.failed, counted) if each)

    @property
    def sentence(self) -> str:
        """What came of it, in one sentence."""
        return f"{self.name}: {self.skill}"

    @property
    def importance(self) -> "pd.DataFrame":
        """A row per feature, those with the most gain in the newest version first.

        `gain` and `permutation` are of the newest version that has them, `mean_gain` is over all
        versions, and `versions` counts those that use the feature.
        """
        import pandas as pd

        gain, permutation = (
            each.dropna(axis=1, how="all") for each in (self.gain, self.permutation)
        )
        names = gain.index.union(permutation.index)
        newest = [
            each.iloc[:, -1] if each.shape[1] else pd.Series(dtype=float)
            for each in (gain, permutation)
        ]
        table = pd.DataFrame(
            {
                "gain": newest[0].reindex(names),
                "permutation": newest[1].reindex(names),
                "mean_gain": gain.fillna(0.0).mean(axis=1).reindex(names),
                "versions": (gain > 0.0).sum(axis=1).reindex(names, fill_value=0),
            }
        )
        table.index.name = "feature"
        return table.sort_values(
            ["gain", "permutation"], ascending=False, kind="stable", na_position="last"
        )

    def plot(self) -> "go.Figure":
        """Draw the running mean of the rank correlation, and the growth of the spread."""
        import plotly.graph_objects as go

        known = self.rank_ic.dropna()
        mean = known.expanding(min_periods=21).mean()
        growth = (1.0 + self.returns).cumprod()
        figure = go.Figure()
        figure.add_scatter(x=mean.index, y=mean, name="mean rank correlation so far")
        figure.add_scatter(x=growth.index, y=growth, name="spread before costs", yaxis="y2")
        figure.update_layout(
            title=self.sentence,
            yaxis={"title": "rank correlation"},
            yaxis2={"title": "growth of 1", "overlaying": "y", "side": "right"},
        )
        return figure

    def __repr__(self) -> str:
        """What it says, and the versions."""
        lines = [self.sentence, self.versions[list(SHOWN)].to_string()]
        return "\n".join([*([self.warning] if self.warning else []), *lines])

    def _repr_html_(self) -> str:
        """Draw itself in a notebook."""
        said = [each for each in (self.warning, self.sentence) if each]
        tables = self.versions[list(SHOWN)].to_html(), self.importance.head(LEADING).to_html()
        return "".join([*(f"<p>{html.escape(each)}</p>" for each in said), *tables])
