"""Experiments: compare retrieval pipelines on judged queries by quality, significance and cost."""

from orchestrator.evaluation.beir_folder import beir
from orchestrator.evaluation.datasets import Dataset
from orchestrator.evaluation.experiment import experiment
from orchestrator.evaluation.experiment_report import Report
from orchestrator.evaluation.ir_dataset_ids import ir_dataset
from orchestrator.evaluation.trec_files import trec
from orchestrator.evaluation.trec_runs import SavedRun, read_run, save_run

__all__ = [
    "Dataset",
    "Report",
    "SavedRun",
    "beir",
    "experiment",
    "ir_dataset",
    "read_run",
    "save_run",
    "trec",
]
