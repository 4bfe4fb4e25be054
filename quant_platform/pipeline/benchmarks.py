"""What each model is judged against in `model_performance`, and the returns of securities among it.

A ticker is not an identity. The rows of a session are against the security that carries the ticker
then, or carried it last before; a run over sessions of several such securities is cut where they
change, so that a value is the same however a backfill is cut. What does not belong here: which
benchmark a model has (`strategies/benchmarks.py`), and figures against it (`evaluation/`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd

from quant_platform.evaluation.performance import Against
from quant_platform.market.panel import Panel
from quant_platform.market.total_return import total_returns
from quant_platform.pipeline.platform import Platform
from quant_platform.storage.models import model_ids
from quant_platform.storage.stored import Stored
from quant_platform.strategies.benchmarks import SYMBOL, is_symbol


@dataclass(frozen=True)
class Benchmarks:
    """The benchmark of every model.

    Attributes
    ----------
    ids : name of a model to its id
    names : model's id to its benchmark: the name of a model, or `symbol:TICKER`
    bars, actions : of the whole history; None where no benchmark is a security
    """

    ids: Mapping[str, int]
    names: Mapping[int, str]
    bars: Stored | None = None
    actions: Stored | None = None

    @classmethod
    def of(cls, platform: Platform, bars: Stored | None, actions: Stored | None) -> "Benchmarks":
        """Return those of the models that run."""
        ids = model_ids(platform.database)
        default = platform.settings.benchmark
        names = {ids[each.name]: each.benchmark or default for each in platform.traded}
        return cls(ids, names, bars, actions)

    def cut(
        self, sessions: Sequence[str], history: Sequence[str]
    ) -> Iterator[tuple[list[str], Mapping[int, Against]]]:
        """Return the sessions in parts, each with what the models are judged against in it.

        Parameters
        ----------
        sessions : those that are computed (ISO dates, ascending)
        history : all sessions from the first portfolio to the last of `sessions`
        """
        tickers = sorted({name for name in self.names.values() if is_symbol(name)})
        carriers = [self._carriers(name, sessions) for name in tickers]
        by_session = list(
            zip(
                sessions,
                zip(*carriers, strict=True) if carriers else [()] * len(sessions),
                strict=True,
            )
        )
        returns: dict[str, pd.Series] = {}
        for carried, part in groupby(by_session, key=lambda each: each[1]):
            against: dict[str, Against] = dict(self.ids)
            for name, security in zip(tickers, carried, strict=True):
                if security is not None:
                    if security not in returns:
                        returns[security] = self._returns(security, history)
                    against[name] = returns[security]
            yield (
                [session for session, _ in part],
                {model: against[name] for model, name in self.names.items() if name in against},
            )

    def _carriers(self, benchmark: str, sessions: Sequence[str]) -> list[str | None]:
        """Security that carries a ticker in each session, or did last before; None without any."""
        assert self.bars is not None  # noqa: S101 - the asset has this input where one is a security
        rows = self.bars.narrowed("date", "security_id").read(
            None, sessions[-1], among={"symbol": [benchmark.removeprefix(SYMBOL)]}
        )
        rows = rows.sort_values("date")
        places = rows["date"].searchsorted(pd.DatetimeIndex(list(sessions)), side="right")
        known: list[str | None] = [None, *rows["security_id"].tolist()]
        return [known[place] for place in np.asarray(places).tolist()]

    def _returns(self, security: str, history: Sequence[str]) -> pd.Series:
        """Total returns of a security, by session."""
        assert self.bars is not None  # noqa: S101 - see `_carriers`
        assert self.actions is not None  # noqa: S101 - see `_carriers`
        span, one = (history[0], history[-1]), {"security_id": [security]}
        bars, actions = (each.read(*span, among=one) for each in (self.bars, self.actions))
        panel = Panel.from_frames(bars, actions, list(history))
        days = pd.DatetimeIndex(list(history)).as_unit("s")
        return pd.Series(total_returns(panel)[:, 0], index=days)
