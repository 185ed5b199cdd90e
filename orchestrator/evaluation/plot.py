"""Quality against cost, drawn by matplotlib."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from orchestrator.errors import BadInput, SettingsError
from orchestrator.evaluation.experiment_report import ArmReport, Report

FORMATS = (".png", ".svg", ".pdf")


def require_plot(file: Path) -> None:
    """Refuse a plot that could not be drawn, before anything is run for it."""
    if file.suffix.lower() not in FORMATS:
        raise BadInput(
            f"A plot cannot be written as {file.name!r}.", hint=f"End the name in {', '.join(FORMATS)}."
        )
    try:
        importlib.import_module("matplotlib")
    except ImportError:
        raise SettingsError(
            "Plots are drawn by matplotlib, which is not installed.",
            hint="Install it: pip install 'orchestrator-rag[plot]'.",
        ) from None


def plot(report: Report, file: str | Path) -> None:
    """Draw quality against cost to a .png, .svg or .pdf file.

    One point an arm: the first metric with its interval, over tokens a query or, without, latency.
    """
    file = Path(file)
    require_plot(file)
    # No pyplot: it would keep state, and ask for a display.
    figure: Any = importlib.import_module("matplotlib.figure").Figure(figsize=(7, 4.5), layout="constrained")
    axes: Any = figure.subplots()
    metric = next(iter(next(iter(report.arms.values())).metrics))
    tokens = any(arm.tokens for arm in report.arms.values())
    for arm in report.arms.values():
        mean, low, high = arm.metrics[metric]
        cost = _cost(arm, tokens)
        if cost is None:
            # A saved run has quality, and no cost.
            axes.axhline(mean, linestyle=":", color="grey")
            axes.annotate(arm.name, (1.0, mean), xycoords=("axes fraction", "data"), ha="right", va="bottom")
            continue
        axes.errorbar([cost], [mean], yerr=[[mean - low], [high - mean]], fmt="o", capsize=3)
        axes.annotate(arm.name, (cost, mean), xytext=(5, 4), textcoords="offset points")
    axes.set_xlabel("model tokens a query" if tokens else "milliseconds a query (median)")
    axes.set_ylabel(f"{metric} (95 % interval)")
    axes.set_title(f"{report.data}, {report.queries} queries")
    axes.margins(x=0.15)
    axes.grid(visible=True, alpha=0.3)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)


def _cost(arm: ArmReport, tokens: bool) -> float | None:
    if tokens:
        return arm.tokens
    return arm.latency.p50 if arm.latency else None
