"""What is planted in a market, as rows of the table `planted_truths`.

A row belongs to the session in which its fact first shows. What does not belong here: where the
rows are kept.
"""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from quant_platform.vendors.synthetic.market import PAID_AFTER, SyntheticMarket, security_id
from quant_platform.vendors.synthetic.schedule import Company, Kind
from quant_platform.vendors.synthetic.signals import SIGNALS

if TYPE_CHECKING:
    import pandas as pd

TEXTS = ("kind", "security_id", "symbol", "name", "other_symbol", "other_security_id")
DAYS = ("date", "last_date", "pay_date")
NUMBERS = (
    *("payoff", "split_ratio", "cash_amount", "printed", "true_value"),
    *("information_coefficient", "persistence"),
)

Row = dict[str, Any]


def planted_truths(market: SyntheticMarket, first: date, last: date, begun: date) -> "pd.DataFrame":
    """Return the rows of the sessions from `first` to `last`, by session, kind and security.

    Parameters
    ----------
    begun : first session that is published, to which the signals' rows belong
    """
    import pandas as pd

    rows = [
        row
        for part in (_companies, _actions, _halts, _bad_prints)
        for row in part(market)
        if first <= row["date"] <= last
    ]
    rows += [row for row in _signals(begun) if first <= begun <= last]
    rows.sort(key=lambda row: (row["date"], row["kind"], row["security_id"], row["name"]))
    columns = {name: pd.Series([row.get(name) for row in rows], dtype="str") for name in TEXTS}
    for name in DAYS:
        days = pd.to_datetime(pd.Series([row.get(name) for row in rows], dtype=object))
        columns[name] = days.astype("datetime64[s]")
    for name in NUMBERS:
        columns[name] = pd.Series([row.get(name) for row in rows], dtype="float64")
    return pd.DataFrame(columns)[["date", *TEXTS, *DAYS[1:], *NUMBERS]]


def _row(market: SyntheticMarket, k: int, kind: Kind, company: Company, **values: Any) -> Row:
    return {
        "date": market.sessions[k],
        "kind": str(kind),
        "security_id": security_id(company),
        "symbol": company.ticker(k),
        "name": "",
        **values,
    }


def _companies(market: SyntheticMarket) -> Iterator[Row]:
    """Listings, renames, reuses and ends."""
    for company in market.companies:
        yield _row(market, company.first, Kind.LISTING, company)
        if company.predecessor is not None:
            before = market.schedule.companies[company.predecessor]
            other = {"other_security_id": security_id(before)}
            yield _row(market, company.first, Kind.REUSE, company, **other)
        for (_, old), (since, _) in zip(company.names, company.names[1:], strict=False):
            if since < len(market.sessions):
                yield _row(market, since, Kind.RENAME, company, other_symbol=old)
        end = market.ended(company)
        if end is not None and company.ending is not None:
            paid = {"payoff": market.prices.payoff(company.number)}
            last = {"last_date": market.sessions[end - 1]}
            yield _row(market, end, company.ending, company, **paid, **last)


def _actions(market: SyntheticMarket) -> Iterator[Row]:
    for action in market.prices.actions:
        company = market.schedule.companies[action.company]
        values: Row = {"split_ratio" if action.is_split else "cash_amount": action.value}
        if action.kind in (Kind.DIVIDEND, Kind.SPECIAL_DIVIDEND):
            values["pay_date"] = market.sessions[action.session] + PAID_AFTER
        yield _row(market, action.session, action.kind, company, **values)


def _halts(market: SyntheticMarket) -> Iterator[Row]:
    for event in market.schedule.events:
        if event.kind is Kind.HALT:
            last = min(event.session + event.length, len(market.sessions)) - 1
            company = market.schedule.companies[event.company]
            values = {"last_date": market.sessions[last]}
            yield _row(market, event.session, Kind.HALT, company, **values)


def _bad_prints(market: SyntheticMarket) -> Iterator[Row]:
    for bad in market.published.bad_prints():
        company = market.schedule.companies[bad.event.company]
        values = {"name": bad.form, "printed": bad.printed, "true_value": bad.true}
        yield _row(market, bad.event.session, Kind.BAD_PRINT, company, **values)


def _signals(begun: date) -> Iterator[Row]:
    for signal in SIGNALS:
        yield {
            "date": begun,
            "kind": str(Kind.SIGNAL),
            "security_id": "",
            "name": signal.name,
            "information_coefficient": signal.information_coefficient,
            "persistence": signal.persistence,
        }
