import pytest

from quant_platform.errors import UnknownNameError
from quant_platform.vendors.registry import vendor_by_name
from quant_platform.vendors.sample import SampleVendor


def test_finds_the_sample_vendor_once() -> None:
    assert isinstance(vendor_by_name("sample"), SampleVendor)
    assert vendor_by_name("sample") is vendor_by_name("sample")


@pytest.mark.parametrize("name", ["", "Sample", "bloomberg"])
def test_an_unknown_vendor_names_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownNameError, match="can be: sample"):
        vendor_by_name(name)
