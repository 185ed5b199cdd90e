"""What the library needs from the outside, as Protocols. `connectors` provides them, one vendor a file.

A node names a port in its signature and is given it: any parameter annotated with a Protocol is a
port, any other a value that flows. Each port has a conformance class in `orchestrator.testing`,
which every connector passes and third parties subclass.
"""

from __future__ import annotations

from orchestrator.ports.features import FeatureKind, Featureless, Features
from orchestrator.ports.feedback import Verdict, Verdicts
from orchestrator.ports.indexes import (
    Catalogue,
    DocumentRow,
    FileRow,
    IndexChange,
    IndexFormat,
    IndexVersion,
    PassageRow,
    Shard,
    ShardWriter,
    TermStatistics,
)
from orchestrator.ports.jobs import Job, JobState, Ledger
from orchestrator.ports.models import (
    Generation,
    LanguageModel,
    PerTenant,
    PerUse,
    Probabilities,
    Scores,
    ScoresTexts,
    TellsName,
    Use,
    of_tenant,
    of_use,
    scores_texts,
)
from orchestrator.ports.recommend import Arm, Known, Ranking, Recommender, Refitting, Trainer, Training
from orchestrator.ports.state import Cache, Clock, Conversations, RunRecord, Runs, RunStatus, StepRecord
from orchestrator.ports.vectors import (
    Dense,
    Documents,
    Embedder,
    Late,
    Lexical,
    Search,
    SparseEncoder,
    SparseVector,
    TokenEmbedder,
    VectorStore,
)

__all__ = [
    "Arm",
    "Cache",
    "Catalogue",
    "Clock",
    "Conversations",
    "Dense",
    "DocumentRow",
    "Documents",
    "Embedder",
    "FeatureKind",
    "Featureless",
    "Features",
    "FileRow",
    "Generation",
    "IndexChange",
    "IndexFormat",
    "IndexVersion",
    "Job",
    "JobState",
    "Known",
    "LanguageModel",
    "Late",
    "Ledger",
    "Lexical",
    "PassageRow",
    "PerTenant",
    "PerUse",
    "Probabilities",
    "Ranking",
    "Recommender",
    "Refitting",
    "RunRecord",
    "RunStatus",
    "Runs",
    "Scores",
    "ScoresTexts",
    "TellsName",
    "Search",
    "Shard",
    "ShardWriter",
    "SparseEncoder",
    "SparseVector",
    "StepRecord",
    "TermStatistics",
    "TokenEmbedder",
    "Trainer",
    "Training",
    "Use",
    "VectorStore",
    "Verdict",
    "Verdicts",
    "of_tenant",
    "of_use",
    "scores_texts",
]
