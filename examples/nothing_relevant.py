"""When nothing is relevant: a threshold that is learned from judged questions, and holds for every question.

    python examples/nothing_relevant.py [QUESTION …]

Sections of this documentation are to be found by their headings; that is judged, and a map from scores to
probabilities is fitted to it. Questions about something else are then told that nothing answers them.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from compare_retrieval import headings_as_queries

from orchestrator import ANONYMOUS, Application, Question, workflow
from orchestrator.evaluation import beir
from orchestrator.evaluation.indexed import indexed
from orchestrator.evaluation.relevance_fitting import fit_relevance
from orchestrator.nodes import CitedAnswer, Compress, RelevanceFilter, Retrieve
from orchestrator.settings import Settings

QUESTIONS = [
    "How are queries written for an index of tools?",
    "Who may read a document?",
    "How long must a potato be boiled?",
    "Which opera did Beethoven write?",
]
search = Retrieve(k=20)


async def main(questions: list[str]) -> None:
    """Fit a map, put it into a workflow, ask."""
    with tempfile.TemporaryDirectory() as made:
        data = beir(headings_as_queries(Path(__file__).parents[1] / "docs", Path(made) / "headings"))
        settings = Settings(home=Path(made) / "home", embedder="light")
        async with Application(settings) as application, indexed(data, application) as ports:
            fitted = await fit_relevance(workflow("search", search), data, ports=ports)
            expected = ", ".join(f"{name} {value:.2f}" for name, value in fitted.expected)
            print(f"threshold {fitted.threshold:.2f}, from {fitted.queries} headings; expected {expected}\n")
            careful = workflow(
                "careful", search >> RelevanceFilter(fitted) >> Compress(tokens=60) >> CitedAnswer()
            )
            for question in questions:
                result = await careful.run(Question(question, ANONYMOUS), ports=ports)
                print(f"{question}\n  {' '.join(result.answer.text.split())[:160]}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or QUESTIONS))
