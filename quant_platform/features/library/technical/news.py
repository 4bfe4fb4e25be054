"""News features: number and sentiment of the articles published before the close.

An article counts in the first session whose close comes after its publication (see
`market.news_and_economy`), so a session's own value holds nothing that appeared after its close.
"""

from quant_platform.features.context import FeatureContext
from quant_platform.features.feature_registry import feature
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import window_sum

NEWS_SESSIONS = 5
"""Sessions over which articles are looked back on: a week."""


@feature(lookback=NEWS_SESSIONS, inputs=("sentiment", "articles"))
def news_sentiment(context: FeatureContext) -> FloatArray:
    """Mean sentiment of the articles of 5 sessions, −1 to 1; null without one that has any."""
    total = window_sum(context.sentiment, NEWS_SESSIONS)
    total /= window_sum(context.articles, NEWS_SESSIONS)
    return total
