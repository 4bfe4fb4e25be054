"""What a page says of the calibration of signals."""

from dataclasses import replace

import pandas as pd

from quant_platform.reports.sections.calibration import calibration
from quant_platform_tests.support.report_frames import report_data

NONE = float("nan")

FIGURES = pd.DataFrame(
    {
        "model_id": [2, 1],
        "model_name": ["fast", "hold_all"],
        "horizon": [5, 21],
        "method": ["isotonic", "base rate"],
        "fitted": [900, 120],
        "outcomes": [1_200, 0],
        "base_rate": [0.55, NONE],
        "brier": [0.24, NONE],
        "reliability": [0.0025, NONE],
        "resolution": [0.01, NONE],
        "uncertainty": [0.2475, NONE],
        "within_bins": [0.0, NONE],
        "expected_calibration_error": [0.05, NONE],
    }
)
CURVES = pd.DataFrame(
    {
        "model_id": 2,
        "bin": [6, 4],
        "outcomes": [300, 900],
        "probability": [0.65, 0.48],
        "frequency": [0.7, 0.5],
    }
)


def page(figures=FIGURES, curves=CURVES):
    data = report_data()
    frames = {"signal_calibration": figures, "signal_calibration_bins": curves}
    return calibration(replace(data, frames={**data.frames, **frames}))


def test_without_data_there_is_one_sentence():
    content = page(FIGURES[:0], CURVES[:0])
    assert content.is_absent and len(content.sentences) == 1


def test_a_row_per_model_and_a_curve_of_those_that_were_measured():
    content = page()
    fast, other = content.tables[0].lines
    assert [cell.text for cell in fast][:4] == ["fast", "5", "isotonic", "1\u202f200"]
    assert [cell.text for cell in fast][4:7] == ["55.0\u202f%", "0.2400", "0.2475"]
    assert fast[-1].text == "5.0\u202f%"
    assert [cell.text for cell in other][2:6] == ["base rate", "0", "–", "–"]
    (chart,) = content.charts
    diagonal, line = chart.data
    assert (diagonal["name"], line["name"]) == ("calibrated", "fast")
    assert (line["x"], line["y"]) == ([0.48, 0.65], [0.5, 0.7])


def test_probabilities_whose_outcomes_are_to_come_have_no_curve():
    content = page(FIGURES[1:], CURVES[:0])
    assert not content.charts
    assert "no outcome" in content.sentences[0]
