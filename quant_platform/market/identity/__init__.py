"""Which security a ticker means, session by session.

A ticker is not an identity: Facebook became META on 2022-06-09, a ticker that had been a fund's
until that January, and in April 2014 GOOG passed from one share class to another overnight. An
`IdentityBook` holds what every ticker means after a session; `resolve` takes the next session's
bars and returns what changed. The reference as of that session decides:

1. At an anchor (the first session of all, and then of each month, week or day) the whole list of
   tickers as of the session is read, and what was delisted since the one before.
2. A ticker that the book does not know is looked up, if enough was traded in it. Its FIGI names a
   known security: that security was renamed. Otherwise it is a new one.
3. The security that was renamed still trades under its old ticker: that one is looked up too, since
   it must have been reused.
4. A stranger without a FIGI of its own, whose issuer has a security under another ticker: where
   that has the stranger's name, or moved over the night as the market cannot explain, its ticker is
   looked up too. If the names then say that the security trades as the stranger now, it was
   renamed; where they do not tell, the series ends at such a night (`conflict`).
5. A ticker that came back after `RETURN_SESSIONS` without a bar is looked up; one that traded much
   in the session before and is gone now is followed through the vendor's list of ticker changes.

Where the evidence does not reach, a ticker gets a security of its own, so that a series is rather
cut in two by mistake than joins two securities. The rule needs no FIGI: CIK and name are evidence
as well, and bars alone make a security that rests on nothing else. What nothing tells is not seen:
where neither FIGI nor name differs and the prices meet within a fifth, or where the stranger trades
too little to be looked up, a ticker that passes to another share class goes on as the first.

The state is the sum of what `resolve` returned for earlier sessions, and which tickers traded
lately. So a book built from stored rows continues exactly like one that was never closed.

What does not belong here: asking a vendor (`vendors/`), reading and storing rows (`pipeline/`).
"""

from quant_platform.market.identity.book import IdentityBook, Resolution
from quant_platform.market.identity.evidence import RECENT_SESSIONS, RETURN_SESSIONS, anchor_since
from quant_platform.market.identity.rows import arrow_text, fixed_identities
from quant_platform.market.identity.state import Reference

__all__ = [
    "RECENT_SESSIONS",
    "RETURN_SESSIONS",
    "IdentityBook",
    "Reference",
    "Resolution",
    "anchor_since",
    "arrow_text",
    "fixed_identities",
]
