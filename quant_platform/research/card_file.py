"""The container of a run card: a zip of JSON and Parquet, written to the same bytes each time.

Entries are stored, not packed, in the order of their names and with one date, and there are no
others than `ENTRIES`. What comes from elsewhere is read with suspicion: a name that is none of
them, a packed or encrypted entry, one that claims more than the file holds, or a table that unpacks
to more than `MOST_BYTES` is refused before it is read. What does not belong here: what the entries
say (`run_card.py`) and whether it is true (`card_check.py`).
"""

import io
import json
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from quant_platform.errors import ContractError

FORMAT = "quant-platform run card"
VERSION = 1
"""Version of the format; a card of a later one is refused."""

CARD = "card.json"
SOURCE = "source.py"
TABLES = ("closed_positions", "fills", "portfolios", "positions", "returns", "signals")
ENTRIES = (CARD, SOURCE, *(f"{name}.parquet" for name in TABLES))

MOST_JSON = 16 * 2**20
MOST_BYTES = 4 * 2**30
"""Bytes of the JSON and of the source, and of all tables unpacked."""

_DATE = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can have."""


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """Write a frame as Parquet; equal frames give equal bytes by one version of Arrow."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd")
    return target.getvalue()


def pack(card: Mapping[str, Any], source: str, tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Return the bytes of a card; the digests of its other entries are added to its JSON."""
    entries = {f"{name}.parquet": parquet_bytes(tables[name]) for name in TABLES}
    entries[SOURCE] = source.encode()
    digests = {name: sha256(entries[name]).hexdigest() for name in sorted(entries)}
    head = {"format": FORMAT, "version": VERSION, **card, "digests": digests}
    entries[CARD] = json.dumps(head, indent=1, sort_keys=True, ensure_ascii=False).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o644 << 16
            info.create_system = 3  # the same on every system
            archive.writestr(info, entries[name])
    return target.getvalue()


def unpack(path: Path) -> tuple[dict[str, Any], str, dict[str, pd.DataFrame]]:
    """Return the JSON, the source and the tables of a card, after its digests were compared.

    Raises
    ------
    ContractError
        It is no card, is cut off, was changed, or is of a later format.
    """
    entries = _entries(path)
    card = _card(path, entries.pop(CARD))
    digests = card.get("digests")
    if not isinstance(digests, dict) or set(digests) != set(entries):
        raise _refused(path, "it does not name the digests of its entries")
    for name, body in entries.items():
        if sha256(body).hexdigest() != digests[name]:
            raise _refused(path, f"{name} in it was changed: its digest is another one")
    try:
        source = entries.pop(SOURCE).decode()
    except UnicodeDecodeError:
        raise _refused(path, f"{SOURCE} in it is no text") from None
    left, tables = MOST_BYTES, {}
    for name in TABLES:
        tables[name], size = _table(path, name, entries[f"{name}.parquet"], left)
        left -= size
    return card, source, tables


def _entries(path: Path) -> dict[str, bytes]:
    if not path.is_file():
        raise ContractError(f"There is no file {path}", "Write one: quant-platform runcard TRIAL")
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            names = [each.filename for each in infos]
            if sorted(names) != sorted(ENTRIES):
                other = sorted({*names} ^ {*ENTRIES}) or ["one name twice"]
                raise _refused(path, f"its entries are not those of a card ({other[0][:60]!r})")
            plain = all(
                each.compress_type == zipfile.ZIP_STORED
                and each.file_size == each.compress_size
                and not each.flag_bits & 1
                for each in infos
            )
            if not plain or sum(each.file_size for each in infos) > path.stat().st_size:
                raise _refused(path, "its entries are packed, or claim more than the file holds")
            for each in infos:
                if each.filename in (CARD, SOURCE) and each.file_size > MOST_JSON:
                    raise _refused(path, f"{each.filename} in it is too long")
            return {each.filename: archive.read(each) for each in infos}
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise _refused(path, f"it is cut off, or another kind of file ({error})") from None


def _card(path: Path, body: bytes) -> dict[str, Any]:
    try:
        card = json.loads(body)
    except (ValueError, RecursionError):
        raise _refused(path, f"{CARD} in it is no JSON") from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise _refused(path, "its format is another one")
    version = card.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _refused(path, f"its format has no version ({version!r})")
    if version > VERSION:
        raise ContractError(
            f"{path} has version {version} of the format, and this platform reads up to {VERSION}",
            "Verify it by a newer version of quant-platform",
        )
    return card


def _table(path: Path, name: str, body: bytes, left: int) -> tuple[pd.DataFrame, int]:
    """Read a table, as long as it unpacks to no more than `left` bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(body))
        groups = range(file.metadata.num_row_groups)
        size = sum(file.metadata.row_group(each).total_byte_size for each in groups)
        # A column of equal values is stored as one, and unpacks to as many as there are rows.
        size = max(size, file.metadata.num_rows * file.metadata.num_columns * 8)
        if size > left:
            raise _refused(path, f"{name} in it unpacks to more than {MOST_BYTES / 2**30:.0f} GiB")
        frame = file.read().to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:100]
        raise _refused(path, f"{name} in it cannot be read ({reason})") from None
    if "date" in frame:
        frame["date"] = pd.to_datetime(frame["date"]).astype("datetime64[s]")
    return frame, size


def _refused(path: Path, why: str) -> ContractError:
    return ContractError(
        f"{path} is no whole run card: {why}", "Have it written or sent again; nothing of it holds"
    )
