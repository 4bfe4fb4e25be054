"""The user's own data of a run's sessions, from the files of a folder.

`NAME.csv`, `NAME.csv.gz` and `NAME.parquet` are files of the dataset NAME; `NAME.sql` is a
statement that reads the platform's own database. A file that cannot be read fails alone: the
dataset keeps what is stored, and its sessions are stale until it can be (`failures.py`). What does
not belong here: what a row means, and which are refused (`market/own_data.py`).
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa

from quant_platform.errors import QuantPlatformError, VendorError
from quant_platform.features.extras import OwnInput
from quant_platform.features.feature_registry import features_of
from quant_platform.features.inputs import OWN_DATA, inputs_of, own_inputs
from quant_platform.market.identity.rows import securities_of
from quant_platform.market.own_data import Dataset, read_dataset, rows_of
from quant_platform.pipeline.chunks import Chunk, alone
from quant_platform.pipeline.feature_sets import stored_sets
from quant_platform.pipeline.platform import Platform
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage import bulk
from quant_platform.storage.replace import Statement
from quant_platform.strategies.condition_sources import read_sources
from quant_platform.vendors.files.tables import ENDINGS, FileTable, read_table

VARIABLE = PREFIX + "OWN_DATA"

QUERY = ".sql"

BLOCK_SESSIONS = 250
"""Sessions whose rows are stored at a time."""

UNKNOWN = "no security has the symbol in the session"


_MENDED = """
UPDATE quarantine AS q SET mended_at = CASE WHEN left_over.text IS NULL THEN now() END
FROM quarantine AS p LEFT JOIN jsonb_array_elements_text($4::text::jsonb) AS left_over (text)
    ON left_over.text = p.reason || ' ' || (p.row ->> 'sent')
WHERE p.id = q.id AND q.table_name = 'own_data' AND q.row ? 'sent'
  AND q.date BETWEEN $1::text::date AND $2::text::date
  AND NOT $3::text::jsonb ? (q.row ->> 'dataset')
  AND (q.mended_at IS NULL) = (left_over.text IS NULL)
"""


def own_folder(settings: Settings) -> Path:
    """Return the folder of the user's own data, whether it is there or not."""
    return settings.home / "own" if settings.own_data is None else settings.own_data


def has_own_data(settings: Settings) -> bool:
    """Whether there is a folder of it, or a feature of a stored set that reads any."""
    return bool(_read_by_features(settings)) or own_folder(settings).is_dir()


def _read_by_features(settings: Settings) -> tuple[OwnInput, ...]:
    """What stored features and the simulation read of it."""
    read = inputs_of(each for of in stored_sets(settings) for each in features_of(of))
    return own_inputs({*read, *read_sources(settings.conditions).values()})


def own_files(settings: Settings) -> list[Path]:
    """Return the files of datasets, by name.

    Raises
    ------
    VendorError
        The folder cannot be read.
    """
    folder = own_folder(settings)
    try:
        every = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise VendorError(f"{folder} cannot be read: {error}", "Let this user read it") from error
    return [each for each in every if each.is_file() and _ending(each)]


def own_recipe(settings: Settings) -> str:
    """Digest of the files: sessions are read again by a backfill after one of them changed."""
    digest, files = hashlib.sha256(), own_files(settings)
    for file in files:
        digest.update(f"{file.name}:".encode())
        try:
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
        except OSError:
            digest.update(b"not readable")
    return f"{len(files)} files {digest.hexdigest()[:16]}"


def own_chunks(
    platform: Platform, sessions: Sequence[str], symbols: pd.DataFrame, warn: Callable[[str], None]
) -> Iterator[Chunk]:
    """Rows of `own_data` by the sessions from which they are known.

    Without a folder, what is stored stays.

    Parameters
    ----------
    sessions : ISO dates, ascending
    symbols : rows of `security_symbols` up to the last of them
    warn : is told that there is no folder
    """
    folder = own_folder(platform.settings)
    if not folder.is_dir():
        warn(f"There is no folder {folder}: what is stored of own data stays. Set {VARIABLE}")
        yield from _as_stored(platform, sessions)
        return
    datasets, failed = _read_all(platform, own_files(platform.settings))
    days = [date.fromisoformat(session) for session in sessions]
    for stretch in platform.calendar.consecutive(days):
        for start in range(0, len(stretch), BLOCK_SESSIONS):
            block = stretch[start : start + BLOCK_SESSIONS]
            keys = [day.isoformat() for day in block]
            parts, aside = [_stored(platform, keys, sorted(failed))], list[pd.DataFrame]()
            for dataset in datasets:
                rows, refused = rows_of(dataset, block, platform.calendar)
                known, strange = _with_securities(dataset, rows, symbols)
                parts.append(known)
                aside += [refused, strange]
            refused = _joined(aside) if aside else pd.DataFrame()
            yield from alone(
                Chunk(
                    keys,
                    {OWN_DATA: _joined(parts)},
                    refused={OWN_DATA: refused} if len(refused) else {},
                    also=[_mended(platform, keys, refused, sorted(failed))],
                    failures={f"dataset {name}": reason for name, reason in failed.items()},
                )
            )


def own_findings(platform: Platform, *, has_database: bool) -> dict[str, str]:
    """Return what each dataset is: how much it holds, or why it cannot be read and what to do.

    Also those that a stored feature reads and no file is of. Empty where nobody has any.

    Parameters
    ----------
    has_database : whether a query can be asked
    """
    folder, settings = own_folder(platform.settings), platform.settings
    if not folder.is_dir() and settings.own_data is not None:
        return {str(folder): f"There is no such folder. Make it, or take {VARIABLE} away"}
    try:
        files = [each for each in own_files(settings) if has_database or each.suffix != QUERY]
        datasets, failed = _read_all(platform, files)
    except VendorError as error:
        return {str(folder): str(error)}
    found = dict(failed)
    for each in datasets:
        fields, refused = ", ".join(each.fields), len(each.faults)
        aside = f"; {refused:,} rows are refused" if refused else ""
        found[each.name] = f"{len(each.table.rows):,} rows of {fields}{aside}"
    known = {each.name.removesuffix(_ending(each)) for each in own_files(settings)}
    for read in _read_by_features(settings):
        if read.dataset not in known:
            found[read.dataset] = (
                f"No file, though something reads {read.dataset}.{read.field}."
                f" Put {read.dataset}.csv into {folder}"
            )
    return dict(sorted(found.items()))


def _as_stored(platform: Platform, sessions: Sequence[str]) -> Iterator[Chunk]:
    for start in range(0, len(sessions), BLOCK_SESSIONS):
        keys = sessions[start : start + BLOCK_SESSIONS]
        rows = _stored(platform, keys, None)
        yield Chunk(keys, {OWN_DATA: rows[rows["date"].astype("str").isin(keys)]})


def _read_all(platform: Platform, files: Sequence[Path]) -> tuple[list[Dataset], dict[str, str]]:
    """Read files; return datasets, and the others with the reason."""
    now, datasets, failed = datetime.now(UTC), dict[str, Dataset](), dict[str, str]()
    for file in files:
        name = file.name.removesuffix(_ending(file))
        try:
            if name in datasets or name in failed:
                raise VendorError(
                    f"Two files in {file.parent} are of the dataset {name!r}", "Keep one of them"
                )
            table = _table(platform, file)
            datasets[name] = read_dataset(name, table, platform.calendar, now)
        except QuantPlatformError as error:
            datasets.pop(name, None)
            failed[name] = str(error)
    return list(datasets.values()), failed


def _table(platform: Platform, file: Path) -> FileTable:
    if file.suffix != QUERY:
        return read_table(file)
    seconds = platform.settings.sql_seconds
    try:
        text = file.read_text(encoding="utf-8").strip().rstrip(";")
    except (OSError, UnicodeDecodeError) as error:
        raise VendorError(f"{file} cannot be read: {error}", "Save it as UTF-8") from error
    rows = bulk.query(platform.database, text, limit=seconds)
    return FileTable(file, pa.Table.from_pandas(rows, preserve_index=False))


def _with_securities(
    dataset: Dataset, rows: pd.DataFrame, symbols: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give rows the security that their symbol means, none to those of the market."""
    security = securities_of(rows, symbols).where(rows["symbol"] != "", "")
    is_strange = security.isna()
    strange = rows[is_strange].drop_duplicates("row")
    refused = dataset.refused(
        [
            (int(row), f"{day:%Y-%m-%d}", UNKNOWN)
            for row, day in zip(strange["row"], strange["date"], strict=True)
        ]
    )
    return rows.assign(security_id=security)[~is_strange].drop(columns="row"), refused


def _mended(
    platform: Platform, keys: Sequence[str], refused: pd.DataFrame, failed: Sequence[str]
) -> Statement:
    """Statement that notes which rows in quarantine the files no longer have."""
    since = platform.calendar.day_after_previous(date.fromisoformat(keys[0]))
    left = [f"{row.reason} {row.sent}" for row in refused.itertuples()]
    parameters = (since.isoformat(), keys[-1], json.dumps(list(failed)), json.dumps(left))
    return _MENDED, parameters


def _stored(
    platform: Platform, keys: Sequence[str], datasets: Sequence[str] | None
) -> pd.DataFrame:
    """Rows that are stored of some datasets; None: of all."""
    scope = None if datasets is None else {"dataset": tuple(datasets) or ("",)}
    table = platform.table(OWN_DATA)
    return bulk.read(platform.database, table, keys[0], keys[-1], scope=scope)


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled or parts[:1], ignore_index=True)


def _ending(file: Path) -> str:
    """Ending of a file of a dataset; empty where it is none."""
    endings = (each for each in (*ENDINGS, QUERY) if file.name.endswith(each))
    return next(endings, "")
