"""The asset graph against two committed contracts: a change to it must show in a diff.

`graph.json` is that of the sample, `graph_market.json` that of a whole market over the vendor's
API, with news, figures of the economy and the edges of assets to their own past.
`python -m quant_platform_tests.test_defs.test_graph` writes both anew; read the diff.
"""

import json
import re
import tempfile
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest

from quant_platform.defs.asset_registry import checked, stages
from quant_platform.defs.build import build_defs
from quant_platform.errors import ContractError
from quant_platform.settings import Settings
from quant_platform.vendors.sample import SampleVendor

CONTRACTS = {
    "sample": Path(__file__).with_name("graph.json"),
    "polygon": Path(__file__).with_name("graph_market.json"),
}
"""Contract of each vendor, by the vendor's name in the settings."""

STAGES = ("market", "information", "features", "signals", "evaluation", "risk", "reports")
"""Groups of the whole market, in the order in which they run: each reads the ones before it."""

BEGINNING = "beginning"
LONGEST = 1_000
"""Sessions. An edge that looks back further means all history, of which a market that goes on has
more every day: the contract says so instead of a number that is another one tomorrow."""

NO_SERVER = "postgresql://nobody@127.0.0.1:9/nothing"
"""Building definitions must not need a database."""


class OpenVendor(SampleVendor):
    """A market that goes on."""

    name = "open"
    last_session = None


def build(home: Path, name: str = "sample", vendor: SampleVendor | None = None) -> dg.Definitions:
    values = {
        "DATABASE_URL": NO_SERVER,
        "QUANT_PLATFORM_HOME": str(home),
        "QUANT_PLATFORM_VENDOR": name,
        "POLYGON_API_KEY": "none",
    }
    return build_defs(settings=Settings.load(values, home), vendor=vendor)


def described(defs: dg.Definitions) -> dict[str, Any]:
    """Write down what others rely on."""
    graph = defs.resolve_asset_graph()
    checks = {
        check.key: bool(check.blocking)
        for definition in defs.asset_checks or ()
        for check in definition.check_specs
    }
    assets = {}
    for key in sorted(graph.executable_asset_keys):
        node = graph.get(key)
        assets[key.to_user_string()] = {
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "owners": sorted(node.owners),
            "backfill": backfill(node.backfill_policy),
            "reads": {
                parent.to_user_string(): offsets(
                    graph.get_partition_mapping(key, parent), node.partitions_def
                )
                for parent in sorted(node.parent_keys)
            },
            "checks": {
                check.name: "blocking" if blocking else "warning"
                for check, blocking in sorted(checks.items())
                if check.asset_key == key
            },
        }
    jobs = {job.name: job for job in defs.jobs or ()}
    return {
        "assets": assets,
        "jobs": {
            name: sorted(
                asset.to_user_string()
                for asset in defs.resolve_job_def(name).asset_layer.selected_asset_keys
            )
            for name in sorted(jobs)
        },
        "sensors": sorted(sensor.name for sensor in defs.sensors or ()),
    }


def backfill(policy: dg.BackfillPolicy | None) -> str:
    whole = policy is not None and policy.max_partitions_per_run is None
    return "single run" if whole else ""


def offsets(
    mapping: dg.PartitionMapping, partitions: dg.PartitionsDefinition[str] | None
) -> list[int | str]:
    """First and last upstream session, counted from the session itself."""
    assert isinstance(mapping, dg.TimeWindowPartitionMapping)
    assert isinstance(partitions, dg.TimeWindowPartitionsDefinition)
    goes_on = partitions.end is None
    everything = goes_on and mapping.start_offset < -LONGEST
    return [BEGINNING if everything else mapping.start_offset, mapping.end_offset]


@pytest.fixture(scope="module", params=CONTRACTS)
def vendor_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def defs(vendor_name: str, tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build(tmp_path_factory.mktemp("defs"), vendor_name)


def test_the_graph_is_the_one_in_the_contract(defs: dg.Definitions, vendor_name: str) -> None:
    assert described(defs) == json.loads(CONTRACTS[vendor_name].read_text())


def test_the_contract_of_the_market_has_what_the_sample_lacks() -> None:
    """Not to be lost by writing the files anew: information, and facts that build on their past."""
    sample, market = (
        json.loads(CONTRACTS[name].read_text())["assets"] for name in ("sample", "polygon")
    )
    assert market.keys() - sample.keys() == {
        *("news", "treasury_yields", "inflation", "labor_market"),
    }
    own_past = {name for name, asset in market.items() if name in asset["reads"]}
    assert own_past >= {"securities", "portfolios"}
    assert market["features"]["reads"].keys() - sample["features"]["reads"].keys() == {"news"}
    assert "treasury_yields" in market["model_performance"]["reads"]


def test_building_twice_gives_the_same_graph(
    defs: dg.Definitions, vendor_name: str, tmp_path: Path
) -> None:
    assert described(build(tmp_path, vendor_name)) == described(defs)


def test_dagster_can_run_the_definitions(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_asset_and_check_says_what_it_is(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.executable_asset_keys:
        node = graph.get(key)
        assert node.description is not None
        assert node.description.endswith("."), key
        assert len(node.description) > 20, key
        assert node.group_name in STAGES
        assert node.kinds >= {"python", "postgres"}
        assert node.owners
    for definition in defs.asset_checks or ():
        for spec in definition.check_specs:
            assert spec.description is not None
            assert spec.description.endswith("."), spec.name
    for sensor in defs.sensors or ():
        assert sensor.description, sensor.name
    for job in defs.jobs or ():
        assert defs.resolve_job_def(job.name).description, job.name


def test_all_assets_share_one_partitions_definition(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    definitions = {id(graph.get(key).partitions_def) for key in graph.executable_asset_keys}
    # Dagster caches windows per object, so one that is merely equal would cost.
    assert len(definitions) == 1


def test_only_a_market_that_goes_on_can_go_stale(tmp_path: Path) -> None:
    def policies(definitions: dg.Definitions) -> list[dg.FreshnessPolicy | None]:
        return [spec.freshness_policy for spec in definitions.resolve_all_asset_specs()]

    ended = policies(build(tmp_path))
    assert set(ended) == {None}
    live = policies(build(tmp_path, vendor=OpenVendor()))
    assert len(live) == len(ended)
    assert None not in live


def test_there_is_no_cycle_but_an_assets_own_past(defs: dg.Definitions) -> None:
    # The UI draws no graph at all where two assets follow from each other's past.
    graph = defs.resolve_asset_graph()
    parents = {key: graph.get(key).parent_keys - {key} for key in graph.get_all_asset_keys()}
    assert dg.AssetKey("securities") in parents
    list(TopologicalSorter(parents).static_order())


def test_a_stage_runs_after_those_that_it_reads(tmp_path: Path) -> None:
    assert stages(build(tmp_path, "polygon").assets or ()) == STAGES
    # Without an asset that reads or is read, a group may stand anywhere.
    sample = stages(build(tmp_path).assets or ())
    assert set(sample) == set(STAGES)
    assert [stage for stage in sample if stage != "information"] == [
        stage for stage in STAGES if stage != "information"
    ]


def test_groups_that_read_each_other_are_refused() -> None:
    @dg.asset(group_name="one")
    def early() -> int:
        return 1

    @dg.asset(group_name="two")
    def middle(early: int) -> int:
        return early

    @dg.asset(group_name="one")
    def late(middle: int) -> int:
        return middle

    with pytest.raises(ContractError, match=r"one → two → one|two → one → two"):
        stages([early, middle, late])


@pytest.mark.parametrize(
    "names", [{"GROUP": "one"}, {"assets": list}, {"GROUP": 1, "assets": list}]
)
def test_a_module_of_assets_states_its_group(names: dict[str, object]) -> None:
    module = ModuleType("lacking")
    vars(module).update(names)
    with pytest.raises(ContractError, match="lacking must state GROUP"):
        checked(module)


def write_contracts() -> None:
    for name, contract in CONTRACTS.items():
        with tempfile.TemporaryDirectory() as folder:
            text = json.dumps(described(build(Path(folder), name)), indent=1)
        # Offsets on one line: a pair is easier to read than four lines.
        contract.write_text(re.sub(r"\[\s+([^,\s]+),\s+(-?\d+)\s+\]", r"[\1, \2]", text) + "\n")


if __name__ == "__main__":
    write_contracts()
