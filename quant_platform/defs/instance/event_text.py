"""The stored text of many similar events, at a fraction of the cost of serialising each.

Dagster serialises an event by walking it field by field, 0.1 ms each. The materialisations of one
range differ in timestamp, partition and metadata. The first of a kind is serialised once with
marks in these places, the text is cut at the marks, and every following event of the kind is
joined from the pieces. What is of no known kind, and every text whose cuts are not unmistakable,
comes from `serialize_value`. The text is always the one `serialize_value` gives.
"""

import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from dagster import AssetMaterialization, MetadataValue
from dagster._core.events import DagsterEvent, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._serdes import serialize_value

_MARK = f"mark-{uuid.uuid4().hex}"
_MARKED = json.dumps(_MARK)
_MARKED_TIME = 1.2345678901234567e-300
_METADATA = '"metadata_entries": '
_NO_METADATA = _METADATA + "[]"
_EMPTY_MATERIALIZATION = AssetMaterialization(asset_key=_MARK)
_EMPTY_MATERIALIZATION_TEXT = serialize_value(_EMPTY_MATERIALIZATION)


def texts_by_partition(
    entry: EventLogEntry, partitions: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield each partition with the text of the planned materialisation `entry` for it alone."""
    pieces = serialize_value(_planned_for(entry, _MARK)).split(_MARKED)
    for partition in partitions:
        if len(pieces) == 2 and type(partition) is str:
            yield partition, json.dumps(partition).join(pieces)
        else:
            yield partition, serialize_value(_planned_for(entry, partition))


def _planned_for(entry: EventLogEntry, partition: str) -> EventLogEntry:
    event = entry.get_dagster_event()
    data = event.asset_materialization_planned_data._replace(
        partition=partition, partitions_subset=None
    )
    return entry._replace(dagster_event=event._replace(event_specific_data=data))


class EventTexts:
    """Serialiser of a sequence of events; remembers the last kind it has seen."""

    def __init__(self) -> None:
        self._kind: tuple[Any, ...] = ()
        self._pieces: list[str] = []
        self._materialization_kind: tuple[Any, ...] = ()
        self._materialization_pieces: list[str] = []
        self._entries: dict[tuple[Any, ...], str] = {}

    def text(self, entry: EventLogEntry) -> str:
        """Return `serialize_value(entry)`."""
        event = entry.dagster_event
        data = None if event is None else event.event_specific_data
        if event is None or type(data) is not StepMaterializationData:
            return serialize_value(entry)
        # Everything but the time and the materialisation itself.
        kind = (
            *entry._replace(timestamp=0.0, dagster_event=None),
            *event._replace(event_specific_data=None),
            data.asset_lineage,
        )
        if kind != self._kind:
            self._kind, self._pieces = kind, _event_pieces(entry, event, data)
        if len(self._pieces) != 3:
            return serialize_value(entry)
        before, between, after = self._pieces
        materialization = self._materialization_text(data.materialization)
        return f"{before}{materialization}{between}{json.dumps(entry.timestamp)}{after}"

    def _materialization_text(self, new: AssetMaterialization) -> str:
        kind = (new.asset_key, new.description, new.tags)
        if kind != self._materialization_kind:
            self._materialization_kind = kind
            self._materialization_pieces = _materialization_pieces(new)
        if type(new.partition) is not str or len(self._materialization_pieces) != 3:
            return serialize_value(new)
        before, between, after = self._materialization_pieces
        entries = ", ".join([self._entry(*item) for item in new.metadata.items()])
        return f"{before}[{entries}]{between}{json.dumps(new.partition)}{after}"

    def _entry(self, label: str, value: MetadataValue[Any]) -> str:
        """Text of one entry of metadata; short plain values are remembered."""
        plain = value.value
        if type(plain) not in (str, int, float, bool):
            return _entry_text(label, value)
        # By type and repr, as equal values may have different texts: 1, 1.0, True; 0.0, -0.0.
        key = (label, type(value), type(plain), repr(plain))
        text = self._entries.get(key)
        if text is None:
            text = self._entries[key] = _entry_text(label, value)
        return text


def _event_pieces(
    entry: EventLogEntry, event: DagsterEvent, data: StepMaterializationData
) -> list[str]:
    """Text of an event before its materialisation, between that and the time, and after it."""
    marked = entry._replace(
        timestamp=_MARKED_TIME,
        dagster_event=event._replace(
            event_specific_data=data._replace(materialization=_EMPTY_MATERIALIZATION)
        ),
    )
    return _cut(serialize_value(marked), _EMPTY_MATERIALIZATION_TEXT, json.dumps(_MARKED_TIME))


def _materialization_pieces(new: AssetMaterialization) -> list[str]:
    """Text of a materialisation before its metadata, between these and partition, and after."""
    marked = new._replace(metadata={}, partition=_MARK)
    pieces = _cut(serialize_value(marked), _NO_METADATA, _MARKED)
    return [pieces[0] + _METADATA, *pieces[1:]] if pieces else []


def _entry_text(label: str, value: MetadataValue[Any]) -> str:
    """Cut the entry out of a materialisation that has nothing else."""
    before, after = _EMPTY_MATERIALIZATION_TEXT.split(_NO_METADATA)
    text = serialize_value(_EMPTY_MATERIALIZATION._replace(metadata={label: value}))
    return text[len(before + _METADATA) + 1 : -len(after) - 1]


def _cut(text: str, first: str, second: str) -> list[str]:
    """Cut at two marks; no pieces unless each is there once, in this order."""
    before, _, rest = text.partition(first)
    between, _, after = rest.partition(second)
    return (
        [before, between, after]
        if f"{before}{first}{between}{second}{after}" == text
        and (text.count(first) == text.count(second) == 1)
        else []
    )
