"""What a vendor states is what it can do, and nobody else guesses it."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import quant_platform
from quant_platform.errors import SettingsError, VendorError
from quant_platform.settings import Environment, Settings
from quant_platform.vendors import vendor_registry
from quant_platform.vendors.abilities import PROTOCOLS, Abilities
from quant_platform.vendors.base import Vendor
from quant_platform.vendors.contract import methods_of
from quant_platform.vendors.polygon import PolygonVendor
from quant_platform.vendors.sample import SampleVendor
from quant_platform.vendors.vendor_registry import vendor_of

PACKAGE = Path(quant_platform.__file__).parent

Choose = Callable[[type[Vendor]], Settings]


@pytest.fixture
def choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Make a class the vendor that the settings name."""

    def settings(kind: type[Vendor]) -> Settings:
        monkeypatch.setattr(vendor_registry, "vendor_classes", lambda: {"mine": kind})
        return Settings.load({"QUANT_PLATFORM_VENDOR": "mine"}, tmp_path)

    return settings


def refusal(settings: Settings) -> str:
    with pytest.raises(VendorError) as caught:
        vendor_of(settings)
    text = str(caught.value)
    assert "\n" not in text
    return text


class Plain(SampleVendor):
    """All of `Vendor` and nothing beyond it."""

    name = "mine"


def with_methods(*methods: str) -> type[Vendor]:
    return type("Mine", (Plain,), dict.fromkeys(methods, lambda self, *values: None))


def stating(base: type[Vendor], *abilities: str) -> type[Vendor]:
    def stated(self: Any) -> Abilities:
        return Abilities(**dict.fromkeys(abilities, self))

    return type("Mine", (base,), {"abilities": property(stated)})


class TestLoading:
    def test_a_plain_vendor_states_nothing(self, choose: Choose) -> None:
        assert vendor_of(choose(Plain)).abilities == Abilities()

    @pytest.mark.parametrize("ability", PROTOCOLS)
    def test_a_vendor_that_states_what_it_has(self, choose: Choose, ability: str) -> None:
        kind = stating(with_methods(*methods_of(PROTOCOLS[ability])), ability)
        vendor = vendor_of(choose(kind))
        assert vendor.abilities.served() == {ability: vendor}

    @pytest.mark.parametrize("ability", PROTOCOLS)
    def test_an_ability_without_its_methods(self, choose: Choose, ability: str) -> None:
        *some, last = methods_of(PROTOCOLS[ability])
        text = refusal(choose(stating(with_methods(*some), ability)))
        assert f"The vendor 'mine' states the ability {ability!r} and has no {last}." in text

    @pytest.mark.parametrize("ability", PROTOCOLS)
    def test_a_method_without_its_ability(self, choose: Choose, ability: str) -> None:
        first = methods_of(PROTOCOLS[ability])[0]
        text = refusal(choose(with_methods(first)))
        assert f"The vendor 'mine' has {first} and does not state the ability {ability!r}" in text
        assert f"State {ability}=self" in text

    def test_another_object_may_serve_an_ability(self, choose: Choose) -> None:
        class Wire:
            def news(self, first: date, last: date) -> Any: ...

            def economy(self, series: str, first: date, last: date) -> Any: ...

        class Mine(Plain):
            @property
            def abilities(self) -> Abilities:
                return Abilities(information=Wire())

        assert vendor_of(choose(Mine)).abilities.information is not None

    def test_a_vendor_without_bars(self, choose: Choose) -> None:
        class Mine(Vendor):
            name = "mine"

        text = refusal(choose(Mine))  # type: ignore[type-abstract]  # the registry gets what it finds
        assert "The vendor 'mine' has no actions, bars, is_published, securities." in text

    def test_a_vendor_without_sessions(self, choose: Choose) -> None:
        class Mine(Vendor):
            name = "mine"
            first_session = date(2000, 3, 1)
            is_published = securities = bars = actions = lambda self, *values: None  # type: ignore[assignment]  # never called

        assert "The vendor 'mine' has no last_session." in refusal(choose(Mine))


def test_every_ability_has_a_protocol() -> None:
    assert set(PROTOCOLS) == {field.name for field in fields(Abilities)}
    methods = [name for protocol in PROTOCOLS.values() for name in methods_of(protocol)]
    assert len(methods) == len(set(methods))


def test_of_several_configured_vendors_one_must_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mine(Plain):
        @classmethod
        def is_configured(cls, environment: Environment) -> bool:
            return True

    found = {"mine": Mine, "polygon": PolygonVendor}
    monkeypatch.setattr(vendor_registry, "vendor_classes", lambda: found)
    with pytest.raises(SettingsError, match="Several vendors are configured: mine, polygon"):
        vendor_of(Settings.load({"POLYGON_API_KEY": "x"}, tmp_path))
    assert vendor_of(Settings.load({}, tmp_path)).name == "mine"


def guesses(tree: ast.AST) -> Iterator[int]:
    """Lines that look at what a vendor is, rather than at what it states."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        asked = ast.unparse(node.args[0])
        kinds = " ".join(ast.unparse(argument) for argument in node.args[1:])
        looked = node.func.id in ("getattr", "hasattr", "dir", "vars") and "vendor" in asked.lower()
        tested = node.func.id in ("isinstance", "issubclass") and "Vendor" in kinds.replace(
            "VendorDownError", ""
        ).replace("VendorError", "")
        if looked or tested:
            yield node.lineno


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("getattr(platform.vendor, 'bars_of', None)", [1]),
        ("hasattr(vendor, ADJUSTED)", [1]),
        ("isinstance(vendor, MarketVendor)", [1]),
        ("isinstance(x, (int, base.SampleVendor))", [1]),
        ("isinstance(error, VendorError)", []),
        ("getattr(check, 'name')", []),
        ("vendor.abilities.market is None", []),
    ],
)
def test_a_guess_is_seen(code: str, found: list[int]) -> None:
    assert list(guesses(ast.parse(code))) == found


def test_nobody_outside_the_vendors_guesses() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] != "vendors"
        for line in guesses(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_the_ground_floor_names_no_vendor() -> None:
    """Neither the settings nor `doctor` know who the vendors are."""
    rooms = [*(PACKAGE / "settings").glob("*.py"), PACKAGE / "cli" / "doctor.py"]
    words = ("polygon", "massive", "aws")
    assert len(rooms) > 3
    for path in rooms:
        text = path.read_text(encoding="utf-8").lower()
        assert [word for word in words if word in text] == [], path
