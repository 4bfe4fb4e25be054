"""`holdout_states`: for which models the sealed hold-out was opened, as a ranking says it.

What does not belong here: opening it (`storage/holdout.py`), and the ranking (`reports/`).
"""

from collections.abc import Sequence

from quant_platform.storage.database import Database
from quant_platform.storage.holdout import openings_of_models, sealed_from
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.strategies.trials import book_parameters, parameters_of, stated_parameters

SEALED = "sealed"


def holdout_states(
    database: Database, models: Sequence[Strategy], books: Sequence[Book] = ()
) -> dict[str, str]:
    """Say of each model and book whether its figures over the hold-out were looked at.

    Returns
    -------
    By name `sealed`, or `opened 2024-03-01`: for ever, in whichever study it was. Empty: there is
    no hold-out.
    """
    if sealed_from(database) is None:
        return {}
    by_name = {each.name: each for each in models}
    configurations = {name: parameters_of(each) for name, each in by_name.items()}
    for book in books:
        members = {name: by_name[name] for name in book.members}
        configurations[book.name] = book_parameters(book, members)
    stated = {name: (name, stated_parameters(each)) for name, each in configurations.items()}
    opened = openings_of_models(database, stated)
    return {
        name: f"opened {opened[name].opened_at:%Y-%m-%d}" if name in opened else SEALED
        for name in stated
    }
