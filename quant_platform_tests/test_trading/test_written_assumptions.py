"""Assumptions and limits as a person writes them."""

import math
import re

import pytest

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.trading.costs import PRESETS, Costs
from quant_platform.trading.limits import Limit, Limits


def test_a_preset_with_changes():
    found = Costs.read("realistic impact=1 whole_shares=false execute_at=close pay_lag=10")
    assert found == Costs.realistic(impact=1.0, whole_shares=False, execute_at="close", pay_lag=10)
    assert Costs.read("ideal volume_share=inf").volume_share == math.inf


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_written_is_read_again(name):
    preset = Costs.preset(name)
    differences = str(preset).replace("ideal", "")
    assert Costs.read(f"ideal {differences}") == preset


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("hopeful", UnknownNameError, "no set of trading costs 'hopeful'.*Known: ideal"),
        ("", UnknownNameError, "no set of trading costs ''.*Known: ideal"),
        ("ideal spread=3", UnknownNameError, "no trading cost 'spread'.*Known: commission_bp"),
        ("ideal impact=much", SettingsError, "impact is 'much'.*a number from 0 to 100"),
        ("ideal impact=-1", SettingsError, "impact is -1.0.*a number from 0 to 100"),
        ("ideal impact=nan", SettingsError, "impact is nan.*a number from 0 to 100"),
        ("ideal whole_shares=maybe", SettingsError, "whole_shares is 'maybe'.*true or false"),
        ("ideal execute_at=noon", SettingsError, "execute_at is 'noon'.*open or close"),
        ("ideal pay_lag=1.5", SettingsError, "pay_lag is '1.5'.*a number from 0 to 366"),
    ],
)
def test_what_is_not_understood_is_named(text, error, said):
    with pytest.raises(error) as caught:
        Costs.read(text)
    line = " ".join(str(caught.value).split())
    assert re.search(said, line), line


def test_tiers_rise():
    with pytest.raises(SettingsError, match="commission_tiers"):
        Costs(commission_tiers=((1000.0, 3.0), (500.0, 2.0)))
    assert Costs(commission_tiers=((500.0, 3.0),)).text("commission_tiers") == "500:3"


def test_limits_are_read_as_they_are_written():
    text = "name=0.1:scale drawdown=0.2:halt daily_loss=0.05:warn"
    found = Limits.read(text)
    assert found == Limits(
        name=Limit(0.1), drawdown=Limit(0.2, "halt"), daily_loss=Limit(0.05, "warn")
    )
    assert str(found) == text
    assert Limits.read("gross=0.8").gross == Limit(0.8, "scale")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("size=1", "no limit 'size'"),
        ("name=big", "limit name is 'big'"),
        ("name=0", "limit is 0.0:scale"),
        ("name=nan", "limit is nan:scale"),
        ("name=0.1:stop", "limit is 0.1:stop"),
    ],
)
def test_limits_that_are_not_understood_are_named(text, said):
    with pytest.raises(SettingsError, match=said):
        Limits.read(text)
