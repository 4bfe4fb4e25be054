"""`Forecaster`: what is trained, on which features, for which label, when and on how much.

A forecaster is a frozen value. Nothing of it is fitted: an estimator is copied before each training
(`estimators.py`). What does not belong here: training (`walk_forward.py`), and what is made of
forecasts (`strategies/`).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from quant_platform.errors import SettingsError
from quant_platform.learning.labels import Label, ReturnRank
from quant_platform.learning.schedule import check_schedule

Promotion = Literal["significant", "always"]
"""When a new version takes the place of the one in force."""

FEWEST_SESSIONS = 21
"""Training sessions below which nothing can be learned."""


@dataclass(frozen=True)
class GradientRanker:
    """Gradient boosting of trees that rank the securities of a session, by LightGBM.

    The objective is the cross entropy of the ranking (`rank_xendcg`): S. Bruch, "An Alternative
    Cross Entropy Loss for Learning-to-Rank", WWW 2021. It costs a tenth of LambdaRank with as many
    securities a session as a universe has. The label is cut into `grades` of equal size, the
    highest the best.

    Attributes
    ----------
    trees, leaves, rate : number of trees, leaves of each, and what each adds
    grades : of relevance
    columns, rows : share of the features and of the samples that each tree sees
    least : samples of a leaf, at least; of a small sample its 50th part
    bins : values that a feature is told apart by
    """

    trees: int = 100
    leaves: int = 15
    rate: float = 0.05
    grades: int = 5
    columns: float = 0.5
    rows: float = 0.5
    least: int = 100
    bins: int = 63

    def __post_init__(self) -> None:
        rules = {
            "trees": 1 <= self.trees <= 10_000,
            "leaves": 2 <= self.leaves <= 4_096,
            "rate": 0.0 < self.rate <= 1.0,
            "grades": 2 <= self.grades <= 30,
            "columns": 0.0 < self.columns <= 1.0,
            "rows": 0.0 < self.rows <= 1.0,
            "least": self.least >= 1,
            "bins": 2 <= self.bins <= 255,
        }
        for name, holds in rules.items():
            if not holds:
                raise SettingsError(
                    f"The ranker's {name} is {getattr(self, name)!r}",
                    "See GradientRanker in quant_platform/learning/forecaster.py",
                )


@dataclass(frozen=True, eq=False)
class Forecaster:
    """A learned model, before it has learned anything.

    Attributes
    ----------
    features : names of features and of feature sets
    label : what is foretold; its horizon is what the forecasts are judged over
    estimator : any estimator of scikit-learn or LightGBM, or a `GradientRanker`. A classifier's
        forecast is the mean of its classes by their probabilities.
    window : sessions of training up to a cut; None: all that are stored
    retrain : `month`, `quarter`, `year`, or a number of sessions (`schedule.py`)
    minimum : training sessions without which there is no version yet
    warm : whether a version goes on from the one before; else each begins anew
    select : how many features are used: those with the largest mean rank correlation with the label
        in the training part, whatever its sign; None: all
    promotion : `significant`: a new version takes over once it is better than the one in force by
        more than chance, out of sample; `always`: at once
    seed : of everything random
    trusted : names of types that an artefact may hold beside those of scikit-learn
    """

    features: tuple[str, ...] = ("alpha158", "cross_section")
    label: Label = field(default_factory=ReturnRank)
    estimator: Any = field(default_factory=GradientRanker)
    window: int | None = 756
    retrain: str | int = "year"
    minimum: int = 252
    warm: bool = False
    select: int | None = None
    promotion: Promotion = "significant"
    seed: int = 0
    trusted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.features, str):
            object.__setattr__(self, "features", (self.features,))
        if isinstance(self.features, Iterable):
            object.__setattr__(self, "features", tuple(self.features))
        else:
            object.__setattr__(self, "features", (self.features,))
        check_schedule(self.retrain)
        fits = isinstance(self.estimator, GradientRanker) or hasattr(self.estimator, "fit")
        window = self.minimum if self.window is None else self.window
        rules = {
            f"features are {self.features!r}": bool(self.features)
            and all(isinstance(each, str) and each for each in self.features),
            f"label is {self.label!r}, which is none": isinstance(self.label, Label),
            f"estimator is {self.estimator!r}, which has no method fit": fits,
            f"window is {self.window!r}": isinstance(window, int) and window >= FEWEST_SESSIONS,
            f"minimum is {self.minimum!r} of a window of {window!r}": (
                isinstance(self.minimum, int) and FEWEST_SESSIONS <= self.minimum <= window
            ),
            f"select is {self.select!r}": self.select is None or self.select >= 1,
            f"promotion is {self.promotion!r}": self.promotion in ("significant", "always"),
        }
        for fault, holds in rules.items():
            if not holds:
                raise SettingsError(
                    f"A forecaster's {fault}",
                    f"See `qp.Forecaster`; a training has at least {FEWEST_SESSIONS} sessions",
                )

    @property
    def recipe(self) -> str:
        """Digest of everything that decides what is learned of given data."""
        estimator = self.estimator
        kind = f"{type(estimator).__module__}.{type(estimator).__qualname__}"
        if hasattr(estimator, "get_params"):
            parameters = repr(sorted(estimator.get_params(deep=True).items(), key=lambda x: x[0]))
        else:
            parameters = repr(estimator)
        text = repr(
            (
                *(self.features, repr(self.label), kind, parameters, self.window, self.retrain),
                *(self.minimum, self.warm, self.select, self.promotion, self.seed),
            )
        )
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def is_ranker(self) -> bool:
        """Whether the estimator is the platform's own ranker."""
        return isinstance(self.estimator, GradientRanker)
