"""What each asset is computed from, as its partition mappings say it."""

import dagster as dg

from quant_platform.pipeline.ledger import Upstream

EVERYTHING = 2_000
"""A look-back of so many sessions is of the whole history."""


def upstream_of(assets: dg.AssetsDefinition) -> list[Upstream]:
    """What the sessions of an asset are computed from.

    A session of bars follows from the identities before it, but the vendor is not asked again for
    bars because another session's changed: the own past of facts is left out.
    """
    upstream = []
    for name, key in assets.keys_by_input_name.items():
        metadata = assets.node_def.input_dict[name].metadata or {}
        if "cumulative" in metadata and "own_past" in metadata:
            continue
        mapping = assets.get_partition_mapping(key)
        first, last = 0, 0
        if isinstance(mapping, dg.TimeWindowPartitionMapping):
            first, last = -mapping.start_offset, -mapping.end_offset
        everything = "cumulative" in metadata or first > EVERYTHING
        upstream.append(Upstream(key.to_user_string(), None if everything else first, last))
    return upstream
