"""An evaluation as a table and as JSON."""

from __future__ import annotations

from typing import Any

from orchestrator.recommendation.evaluation.published_figures import published_for
from orchestrator.recommendation.evaluation.ranker_evaluation import VIEWS, Evaluation

COLUMNS = ("hr@10", "ndcg@10")


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """`rankers` by name: figures of both views, their intervals, and the difference to the best ranker."""
    best = evaluation.best()
    rankers: dict[str, Any] = {}
    for name, result in evaluation.rankers.items():
        rankers[name] = {
            **{view: dict(result.figures[view]) for view in VIEWS},
            "intervals": {
                view: {metric: list(bounds) for metric, bounds in result.intervals[view].items()}
                for view in VIEWS
            },
            "seconds": round(result.seconds, 2),
            "seeds": result.seeds,
        }
        if name in evaluation.validation:
            rankers[name]["validation"] = evaluation.validation[name].kept()
        if best is not None and name != best:
            difference = evaluation.against(name, best)
            rankers[name]["against_best"] = {
                "ranker": best,
                "ndcg@10": difference.mean,
                "interval": [difference.low, difference.high],
            }
    return {
        "rankers": rankers,
        "default": evaluation.default,
        "left_out": dict(evaluation.left_out),
        "users": evaluation.users,
        "items": evaluation.items,
        "interactions": evaluation.interactions,
        "seeds": evaluation.seeds,
        "published": [
            {
                "system": each.system,
                "hr@10": each.hr,
                "ndcg@10": each.ndcg,
                "source": each.source,
                "note": "published, not rerun",
            }
            for each in _published(evaluation)
        ],
        "notes": list(evaluation.notes),
        "limits": list(evaluation.limits),
        **evaluation.extra,
    }


def as_text(evaluation: Evaluation) -> str:
    """The evaluation as a Markdown table, with its notes below."""
    lines = [
        (
            f"{evaluation.users:,} users asked, {evaluation.items:,} items, {evaluation.interactions:,} "
            f"interactions, seeds: {evaluation.seeds}; 95 % intervals over users."
        ),
        "",
        (
            "| ranker | NDCG@10 validation | HR@10 removed | NDCG@10 removed | HR@10 kept | NDCG@10 kept | "
            "coverage@10 | "
            "invalid | NDCG@10 against the best | seconds |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    best = evaluation.best()
    for name, result in evaluation.rankers.items():
        judged = evaluation.validation.get(name)
        cells = [name, _short(judged.ndcg) if judged else ""]
        for view in VIEWS:
            for metric in COLUMNS:
                low, high = result.intervals[view][metric]
                cells.append(f"{_short(result.figures[view][metric])} [{_short(low)}, {_short(high)}]")
        removed = result.figures["removed"]
        cells += [f"{removed['coverage@10']:.3f}", f"{removed['invalid@10']:.3f}"]
        if best is not None and name != best:
            difference = evaluation.against(name, best)
            said = f"{difference.mean:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"
            cells.append(said if difference.certain else f"{said}, not certain")
        else:
            cells.append("best")
        cells.append(f"{result.seconds:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        f"| {each.system} ({each.source}; published, not rerun) | | | | {_short(each.hr)} "
        f"| {_short(each.ndcg)} | | | | |"
        for each in _published(evaluation)
    ]
    if evaluation.default is not None:
        lines += [
            "",
            f"By validation, `train` would answer with {evaluation.default} when no ranker is named.",
        ]
    lines += ["", *(f"Left out: {reason}" for reason in evaluation.left_out.values())]
    lines += [f"Note: {each}" for each in evaluation.notes]
    lines += [f"Limit: {each}" for each in evaluation.limits]
    return "\n".join(lines)


def _published(evaluation: Evaluation) -> Any:
    return published_for(evaluation.users, evaluation.items, evaluation.interactions)


def _short(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")
