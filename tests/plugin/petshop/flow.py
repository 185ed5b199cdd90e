"""Workflows: one that searches, one that answers."""

from __future__ import annotations

from orchestrator import Answer, Hits, Question, node, workflow
from orchestrator.nodes import Rerank, Retrieve
from orchestrator.ports import Documents, GenerationRequest, LanguageModel
from orchestrator.types import Message


@node
async def repeat_after_me(
    question: Question, hits: Hits, documents: Documents, model: LanguageModel
) -> Answer:
    passages = await documents.passages(hits.ids, principal=question.principal)
    said = await model.generate(GenerationRequest([Message("user", question.text)]))
    return Answer(f"{said.text} ({len(passages)} passages)")


search = Retrieve(k=5, fusion="first") >> Rerank("shortest", keep=2)
pet_search = workflow("pet_search", search)
pet_answer = workflow("pet_answer", search >> repeat_after_me)
