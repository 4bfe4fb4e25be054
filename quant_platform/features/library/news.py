"""The set `news`: how much is written about a security, in what tone, and against its usual.

Articles count in the first session whose close comes after their publication (see
`market.news_and_economy`), and only those with a sentiment count, which is 1, 0 or −1. Values are
null where nobody collects news. `news_sentiment`, the mean of a week, is in the set `technical`.
What does not belong here: the text, which is not kept.
"""

from functools import partial

import numpy as np

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.features.context import FeatureContext
from quant_platform.features.feature_registry import feature
from quant_platform.features.feature_set import FeatureSet
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import shift, window_sum

NEWS = FeatureSet("news", "How much is written, in what tone, and against the usual.", "float4")

WEEK = 5
"""Sessions."""

USUAL_WEEKS = 8
"""Weeks whose news is the usual (Da, Engelberg and Gao, 2011)."""

ARTICLES, BOTH = ("articles",), ("sentiment", "articles")

of_news = partial(feature, of=NEWS)


def tone(context: FeatureContext, sessions: int) -> FloatArray:
    """Return the mean sentiment of the articles of some sessions; NaN without one."""
    return window_sum(context.sentiment, sessions) / window_sum(context.articles, sessions)


@of_news(lookback=1, inputs=ARTICLES)
def news_count(context: FeatureContext) -> FloatArray:
    """Articles of the session, a number."""
    return context.articles.copy()


@of_news(lookback=WEEK, inputs=ARTICLES)
def news_count_5(context: FeatureContext) -> FloatArray:
    """Articles of 5 sessions, a number."""
    return window_sum(context.articles, WEEK)


@of_news(lookback=USUAL_SESSIONS, inputs=ARTICLES)
def news_count_20(context: FeatureContext) -> FloatArray:
    """Articles of 20 sessions, a number."""
    return window_sum(context.articles, USUAL_SESSIONS)


@of_news(lookback=USUAL_SESSIONS, inputs=ARTICLES)
def news_days_20(context: FeatureContext) -> FloatArray:
    """Share of 20 sessions that have an article, 0 to 1.

    Source: days with news, B. Barber, T. Odean, "All That Glitters: The Effect of Attention and
    News on the Buying Behavior of Individual and Institutional Investors", Review of Financial
    Studies 21(2), 2008.
    """
    has_news = np.where(np.isnan(context.articles), np.nan, context.articles > 0.0)
    return window_sum(has_news, USUAL_SESSIONS) / USUAL_SESSIONS


@of_news(lookback=USUAL_SESSIONS, inputs=BOTH)
def news_tone_20(context: FeatureContext) -> FloatArray:
    """Mean sentiment of the articles of 20 sessions, −1 to 1; null without one."""
    return tone(context, USUAL_SESSIONS)


@of_news(lookback=WEEK + USUAL_SESSIONS, inputs=BOTH)
def news_tone_change_5(context: FeatureContext) -> FloatArray:
    """Mean sentiment of the articles of 5 sessions − that of the 20 before; null without either.

    Source: changes of tone after P. Tetlock, M. Saar-Tsechansky, S. Macskassy, "More Than Words:
    Quantifying Language to Measure Firms' Fundamentals", Journal of Finance 63(3), 2008, which
    compares with a company's own past.
    """
    return tone(context, WEEK) - shift(tone(context, USUAL_SESSIONS), WEEK)


@of_news(lookback=WEEK + WEEK * USUAL_WEEKS, inputs=ARTICLES)
def news_attention_5(context: FeatureContext) -> FloatArray:
    """ln(1 + articles of 5 sessions) − ln(1 + mean of the 8 such counts before them).

    Source: abnormal attention, Z. Da, J. Engelberg, P. Gao, "In Search of Attention", Journal of
    Finance 66(5), 2011, with articles in place of searches, the mean in place of the median, and 1
    added, since a count may be 0.
    """
    before = shift(window_sum(context.articles, WEEK * USUAL_WEEKS), WEEK) / USUAL_WEEKS
    attention: FloatArray = np.log1p(window_sum(context.articles, WEEK)) - np.log1p(before)
    return attention


@of_news(lookback=USUAL_SESSIONS, inputs=ARTICLES)
def news_novelty_20(context: FeatureContext) -> FloatArray:
    """Articles of the session / those of 20 sessions, 0 to 1: 1 after a silence; null without one.

    Source: news after a silence is fresher than what follows other news, after P. Tetlock, "All
    the News That's Fit to Reprint: Do Investors React to Stale Information?", Review of Financial
    Studies 24(5), 2011, with counts in place of texts, which are not kept.
    """
    return context.articles / window_sum(context.articles, USUAL_SESSIONS)
