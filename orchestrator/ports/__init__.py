"""What the library needs from the outside, as Protocols. `connectors` provides them, one vendor a file.

A node names a port in its signature and is given it: any parameter annotated with a Protocol is a
port, any other a value that flows. Each port has a conformance class in `orchestrator.testing`,
which every connector passes and third parties subclass.
"""

from __future__ import annotations

from orchestrator.ports.artifacts import ArtifactStore
from orchestrator.ports.derived import DerivedChange, DerivedIndex
from orchestrator.ports.features import FeatureKind, Featureless, Features
from orchestrator.ports.feedback import Feedback, FeedbackStore
from orchestrator.ports.indexes import (
    DerivedProgress,
    DocumentRow,
    FileRow,
    IndexChange,
    IndexFormat,
    IndexRegistry,
    IndexVersion,
    PassageRow,
    Shard,
    ShardRegistry,
    ShardWriter,
    TermStatistics,
    index_scope,
)
from orchestrator.ports.jobs import Job, JobEffects, JobScope, JobState, Ledger, RunningJob
from orchestrator.ports.models import (
    Generation,
    LanguageModel,
    ModelCall,
    PerCall,
    PerTenant,
    Probabilities,
    ResolvesName,
    Scores,
    ScoresTexts,
    for_call,
    for_tenant,
    scores_texts,
)
from orchestrator.ports.recommend import Known, Ranker, Ranking, Recommender, Refresh, Trainer, Training
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
    "Ranker",
    "ArtifactStore",
    "Cache",
    "IndexRegistry",
    "Clock",
    "Conversations",
    "Dense",
    "DerivedChange",
    "DerivedIndex",
    "DerivedProgress",
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
    "JobEffects",
    "JobScope",
    "JobState",
    "RunningJob",
    "Known",
    "LanguageModel",
    "Late",
    "Ledger",
    "Lexical",
    "PassageRow",
    "PerTenant",
    "PerCall",
    "Probabilities",
    "Ranking",
    "Recommender",
    "Refresh",
    "RunRecord",
    "RunStatus",
    "Runs",
    "Scores",
    "ScoresTexts",
    "ResolvesName",
    "Search",
    "Shard",
    "ShardRegistry",
    "ShardWriter",
    "SparseEncoder",
    "SparseVector",
    "StepRecord",
    "TermStatistics",
    "TokenEmbedder",
    "Trainer",
    "Training",
    "ModelCall",
    "VectorStore",
    "Feedback",
    "FeedbackStore",
    "for_tenant",
    "index_scope",
    "for_call",
    "scores_texts",
]
