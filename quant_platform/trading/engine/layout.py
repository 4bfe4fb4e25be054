"""The arrays of the engine, and the numbers by which their rows and codes are known.

A function of the engine takes few arrays and many numbers of them by name, because machine code
that hands on dozens of arrays is slow to make and to run. `Market` and `Wishes` exist for who
prepares a simulation, and `Bars` is what the loop over a session hands on.

What does not belong here: what is done with them.
"""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = Annotated[NDArray[np.float64], "float64[::1]"]
Matrix = Annotated[NDArray[np.float64], "float64[:, ::1]"]
"""Arrays that the engine writes to."""

FixedVector = Annotated[NDArray[np.float64], "const float64[::1]"]
FixedMatrix = Annotated[NDArray[np.float64], "const float64[:, ::1]"]
FixedCube = Annotated[NDArray[np.float64], "const float64[:, :, ::1]"]
FixedCounts = Annotated[NDArray[np.int64], "const int64[::1]"]
FixedNumbers = Annotated[NDArray[np.int64], "const int64[:, ::1]"]
FixedMarks = Annotated[NDArray[np.bool_], "const boolean[::1]"]
FixedFlags = Annotated[NDArray[np.bool_], "const boolean[:, ::1]"]
"""Arrays that it only reads."""

OPEN, CLOSE, MID, VWAP = 0, 1, 2, 3
"""Prices at which orders are executed."""

ON_CHANGE, REGULARLY, DRIFT = 0, 1, 2
"""When positions that stay are traded: as asked, in due sessions alone, or beyond a drift."""

WARN, SCALE, HALT = 1, 2, 3
"""What becomes of a limit that is exceeded; 0: there is no such limit."""

NAME, SECTOR, GROSS, NET, BETA, TURNOVER, LEVERAGE, DRAWDOWN, DAILY_LOSS = range(9)
"""The limits, in the order of `T_LIMITS` and `T_ACTIONS`."""

LIMITS = 9

(
    T_AT_FILL,
    T_EXECUTE_AT,
    T_WHOLE,
    T_LOT,
    T_MIN_ORDER,
    T_COSTS_INSIDE,
    T_CASH_ONLY,
    T_COMMISSION,
    T_PER_SHARE,
    T_MINIMUM,
    T_BUY_TAX,
    T_SELL_TAX,
    T_BEFORE_SPREAD,
    T_HALF_SPREAD,
    T_IMPACT,
    T_VOLUME_SHARE,
    T_CARRY,
    T_THROUGH,
    T_CASH_RATE,
    T_MARGIN_RATE,
    T_BORROW_RATE,
    T_WITHHOLDING,
    T_REBALANCE,
    T_BEYOND,
    T_MAX_GROSS,
    T_LIMITS,
) = range(26)
"""Numbers of the terms: what is assumed of trading (`Costs` has their meaning and units)."""

T_ACTIONS = T_LIMITS + LIMITS
TERMS_SIZE = T_ACTIONS + LIMITS

(
    SHARES,
    PRICE,
    TARGET,
    WANTED,
    ASKED,
    ASKING,
    DUE,
    IDLE,
    RETIRED,
    AGE,
    BEST,
    STOP,
    TAKE,
    TRAIL,
    LIFE,
    LIMIT,
    TRIGGER,
    BARRED,
    WHY,
) = range(19)
"""Columns of the book, one row a security (`Position` has their meaning). Flags are 0 or 1."""

BOOK_STATE = 19
"""Columns that outlive a session; those after them are room for one."""

(
    ACTIVE,
    PENDING,
    WEIGHT,
    ORDER,
    MARK,
) = range(BOOK_STATE, BOOK_STATE + 5)
"""Whether a security is looked at (see `is_active`); whether there is an order, its weight, its
shares, and the price that it is sized at."""

BOOK_SIZE = BOOK_STATE + 5

TURN, VALUE, TURN_BEFORE, VALUE_BEFORE, PLACE = range(5)
"""Rows of `Tape.turns`: the securities that are traded in their turn, with the values of purchases;
the purchases before they are put in their turn; and room for that. Limits on sectors use it before
orders do."""

TURNS_SIZE = 5

IN_PART = 2.0
"""What `PENDING` is where some of an order has to wait for another session; else 0 or 1."""

CASH, EQUITY, PEAK, RUINED, HALTED, FACTOR = range(6)
"""Numbers of an account: cash and equity after the session, the highest equity so far, whether it
is ruined or halted, and the factor by which a limit scales its weights."""

RING = 6
"""First of the account's numbers of cash that is not settled, by session modulo `SETTLEMENTS`."""

SETTLEMENTS = 6
"""Sessions, the present one included, in which an earlier trade may still be settled."""

FILL_COUNT, STATE_COUNT, PENDING_COUNT = range(RING + SETTLEMENTS, RING + SETTLEMENTS + 3)
"""How many fills, positions after sessions and rows of cash owed were written or had no room."""

ROW = PENDING_COUNT + 1
"""First of the account's numbers that are the session's row."""

(
    R_EQUITY,
    R_CASH,
    R_RECEIVABLES,
    R_RETURN,
    R_GROSS,
    R_NET,
    R_TURNOVER,
    R_TRADES,
    R_COSTS,
    R_DIVIDENDS,
    R_INTEREST,
    R_BORROW,
    R_RUINED,
    R_HALTED,
    R_LIMITS,
    R_PEAK,
    R_FACTOR,
) = range(ROW, ROW + 17)

ROW_SIZE = 17
ACCOUNT_SIZE = ROW + ROW_SIZE

(
    F_SESSION,
    F_SECURITY,
    F_REASON,
    F_SHARES,
    F_PRICE,
    F_REFERENCE,
    F_COMMISSION,
    F_TAX,
    F_SPREAD,
    F_IMPACT,
    F_DELAY,
) = range(11)
"""Rows of the fills, one column each."""

FILL_SIZE = 11

STATE_SIZE = 2 + BOOK_STATE
"""Columns of the positions after each session: session, security, and the book's rows."""

PENDING_SIZE = 4
"""Columns of the cash owed: session, kind, number of the date or of sessions, and the amount."""

OWED_DIVIDEND, OWED_TRADE = 0, 1
"""Kinds of cash owed."""

REASONS = (
    "target",
    "stop",
    "take_profit",
    "trailing_stop",
    "time_stop",
    "recall",
    "delisted",
    "cash_in_lieu",
    "ruin",
    "halt",
)
"""Why a fill was made; a fill's reason is the number of its name here."""

BY_TARGET, BY_STOP, BY_PROFIT, BY_TRAIL, BY_TIME, BY_RECALL, BY_END, IN_LIEU, BY_RUIN, BY_HALT = (
    range(10)
)

L_LIMIT, L_TRIGGER, L_STOP, L_TAKE, L_TRAIL, L_LIFE = range(6)
"""Levels of `Wishes.levels`."""

LEVELS = 6

EXCESS = 1e-9
"""What a weight may exceed a limit by: rounding."""

HALF = 0.5
"""Factor of the weights while the drawdown or a daily loss exceeds a limit that scales."""

ROUNDING = 1e-4
"""Share of a share within which an order counts as one of whole shares: zipline's."""

NOISE = 1e-9
"""The same after a split, where nothing but rounding of numbers may be lost."""

LARGEST_IMPACT = 0.5
"""Most that an order moves its price, as a fraction."""


class Bars(NamedTuple):
    """Raw bars of shape (T, N), read where `traded`."""

    open: FixedMatrix
    high: FixedMatrix
    low: FixedMatrix
    close: FixedMatrix
    volume: FixedMatrix
    traded: FixedFlags


class Market(NamedTuple):
    """What beside the bars is known of the securities; shape (T, N) unless said otherwise.

    Attributes
    ----------
    days : (T,) calendar days since the session before
    settles : (T,) session in which trades of each are settled; may lie beyond the last
    split, dividend : as of the session; 1 and 0 where there is none
    acts : (T,) bit 1: some split, bit 2: some dividend, bit 3: a halted account goes on,
        bit 4: the account is halted
    slot : number of the date on which a dividend is paid, read where there is one, −1: at once;
        (0, 0): all at once
    pays : (P,) session in which each of these dates is paid, T where later
    liquidity : (2, T, N) daily volatility and usual volume, known before the session; (2, 0, 0)
        without impact
    borrow : annual rate of each short position; (0, 0): the same for all
    available : shares may be sold short; (0, 0): all may
    recalled : short positions must be closed; (0, 0): none
    retired : the reference data say that the security is delisted; (0, 0): none is
    beta, sector : betas, and codes of sectors, −1: none; (0, 0) without limits on them
    end_session, end_security, end_price : (E,) when a security's end is settled, and the price
    """

    days: FixedVector
    settles: FixedCounts
    split: FixedMatrix
    dividend: FixedMatrix
    acts: FixedCounts
    slot: FixedNumbers
    pays: FixedCounts
    liquidity: FixedCube
    borrow: FixedMatrix
    available: FixedFlags
    recalled: FixedFlags
    retired: FixedFlags
    beta: FixedMatrix
    sector: FixedNumbers
    end_session: FixedCounts
    end_security: FixedCounts
    end_price: FixedVector


class Wishes(NamedTuple):
    """What the model wants in each session, of shape (T, N); NaN: no opinion.

    Attributes
    ----------
    target, asked : weights after and before scaling
    reference : close of the session before
    due : (T,) all positions are traded in the session
    levels : (LEVELS, T, N) or (LEVELS, 0, 0): prices of limit and stop entries; prices at which a
        position is left with a loss or a profit, all in units of the session before; the share
        below its best close at which it is left; the sessions after which it is left
    """

    target: FixedMatrix
    asked: FixedMatrix
    reference: FixedMatrix
    due: FixedMarks
    levels: FixedCube


class Tape(NamedTuple):
    """What the engine writes.

    Attributes
    ----------
    rows : (T, ROW_SIZE) the account after each session
    fills : (FILL_SIZE, any) of zeros; what does not fit is counted and not written
    states : (any, STATE_SIZE) the securities of the book after each session; likewise
    pending : (any, PENDING_SIZE) the cash owed after each session; likewise
    held : (T, N) of zeros: shares after each session; (0, 0): not asked for
    turns : (TURNS_SIZE, N) room for the turns of one session's orders

    Of `states` and `pending`, no row at all means that they are not asked for.
    """

    rows: Matrix
    fills: Matrix
    states: Matrix
    pending: Matrix
    held: Matrix
    turns: Matrix
