"""Redraw the figures of a project from its tables, in any format: SVG and PDF for papers.

Reads reports/history.csv, reports/predictions.csv, reports/funnel.csv and data/census.csv; needs neither the
images nor the model.
"""

from pathlib import Path

from pipeline.figures.evaluation import calibration_figure, confusion_figure, history_figure
from pipeline.figures.funnel import funnel_plot
from pipeline.figures.style import check_format, save_figure
from pipeline.runtime.params import read_params
from pipeline.schema.census import read_census
from pipeline.schema.funnel import funnel_totals, read_funnel
from pipeline.schema.history import read_history
from pipeline.schema.predictions import read_predictions


def redraw(folder: Path, format: str) -> list[Path]:
    """Write learning_curves, confusion, calibration and funnel into `folder`; return the files.

    Args:
        folder: Created if it is missing; files of the same names are replaced.
        format: `svg`, `pdf` or `png`.

    Raises:
        EmoError: The format is another, or a table is missing or damaged.
    """
    check_format(format)
    predictions = read_predictions()
    classes = {row.expression for row in read_census()}
    classes |= {name for row in predictions for name in (row.actual, row.predicted)}
    figures = {
        "learning_curves": history_figure(read_history()),
        "confusion": confusion_figure(predictions, sorted(classes)),
        "calibration": calibration_figure(predictions, read_params()["evaluate"]["calibration_bins"]),
        "funnel": funnel_plot(funnel_totals(read_funnel())),
    }
    paths = {folder / f"{name}.{format}": figure for name, figure in figures.items()}
    for path, figure in paths.items():
        save_figure(figure, path)
    return list(paths)
