"""Task requests of chat front ends: a title, tags, follow-up questions, search queries for a conversation.

Front ends ask the model of a chat for these beside the answer, several times a turn, as ordinary completions
with a prompt of their own. They are no questions to the documents. They are recognised by their form, go
to the language model as they are, and get a short reply in the wanted shape where there is none.

Sources of the forms: the public documentation and settings of Open WebUI, LibreChat, NextChat, LobeChat and
chat-ui, as of November 2026.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from orchestrator.errors import BudgetExhausted, ModelError
from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.graph.workflow import workflow
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.serving.wire.chat_request import Turns
from orchestrator.types import Answer, Message

Task = Literal["title", "tags", "follow_ups", "queries", "text"]

#: Words and characters of a title that is made of a question.
_TITLE_WORDS, _TITLE_LENGTH = 6, 60
#: The longest title that a model may give.
_LONGEST_TITLE = 120
_UNTITLED = "New chat"
#: Characters of a conversation in which its first or last question is looked for.
_READ = 32_000


@dataclass(frozen=True, slots=True)
class Form:
    """How one program words one task; all of it has to be there, so that no real question is taken for one.

    The question of the request starts with `begins` and stops with `ends`. The conversation is between
    `opening` and `ends`, or with `earlier` in the turns before; what is before the opening has each of `has`
    and not `lacks`. The system message starts with `instructions`. With `as_json` the reply is an object with
    the task as its key, otherwise a line of text.
    """

    program: str
    task: Task
    begins: str
    opening: str = ""
    ends: str = ""
    has: tuple[re.Pattern[str], ...] = ()
    lacks: str | None = None
    instructions: str = ""
    earlier: bool = False
    as_json: bool = False

    def conversation(self, turns: Turns) -> str | None:
        """The conversation that the task is about; None if the request has another form."""
        text = turns.question
        if not (text.startswith(self.begins) and text.endswith(self.ends)):
            return None
        if not turns.instructions.startswith(self.instructions) or self.earlier is not bool(turns.earlier):
            return None
        before, opening, after = text.partition(self.opening) if self.opening else ("", "", text)
        if opening != self.opening or (self.lacks is not None and self.lacks in before):
            return None
        if not all(pattern.search(before) for pattern in self.has):
            return None
        if self.earlier:
            return "\n".join(f"{turn.role}: {turn.text}" for turn in turns.earlier)
        return after.removesuffix(self.ends)


def _open_webui(task: Task) -> Form:
    """Open WebUI: the JSON that is wanted, then the conversation at the very end.

    Its prompt for answers from documents begins alike; that has a `<user_query>`, and no conversation.
    """
    return Form(
        "Open WebUI",
        task,
        begins="### Task:",
        has=(re.compile(rf"\{{\s*\"{task}\"\s*:"),),
        lacks="<user_query>",
        opening="<chat_history>",
        ends="</chat_history>",
        as_json=True,
    )


#: Every form that is recognised.
FORMS: tuple[Form, ...] = (
    _open_webui("title"),
    _open_webui("tags"),
    _open_webui("follow_ups"),
    _open_webui("queries"),
    Form(
        "Open WebUI",
        "text",
        begins="### Task:",
        has=(re.compile("autocompletion"), re.compile("<type>")),
        opening="<chat_history>",
        ends="#### Output:",
        as_json=True,
    ),
    Form(
        "LibreChat",
        "title",
        begins="Provide a concise,",
        has=(re.compile("title for the conversation"), re.compile("Only return the title itself")),
        opening="Conversation:\n",
    ),
    Form(
        "NextChat",
        "title",
        begins="Please generate a four to five word title summarizing our conversation",
        ends="Remove enclosing quotation marks.",
        earlier=True,
    ),
    Form(
        "LobeChat",
        "title",
        begins="user: ",
        instructions="You are a professional conversation summarizer.",
    ),
    Form(
        "chat-ui",
        "title",
        begins='User message: "',
        opening='User message: "',
        ends='"',
        instructions="You are a chat thread titling assistant.",
    ),
)


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A task: the turns as they were sent, and the question that a short reply is made of."""

    task: Task
    as_json: bool
    turns: tuple[Message, ...]
    question: str
    tokens: int | None = None

    @classmethod
    def of(cls, turns: Turns, tokens: int | None = None) -> TaskRequest | None:
        """The task that these turns ask for, in at most `tokens`; None if they ask a question."""
        for form in FORMS:
            said = form.conversation(turns)
            if said is not None:
                told = (Message("system", turns.instructions),) if turns.instructions else ()
                asked = (*told, *turns.earlier, Message("user", turns.question))
                question = _asked(said, last=form.task == "queries")
                return cls(form.task, form.as_json, asked, question, tokens)
        return None

    def trace(self) -> dict[str, Any]:
        """Which task, and how long a prompt."""
        return {"task": self.task, "characters": sum(len(turn.text) for turn in self.turns)}

    def short_reply(self) -> str:
        """A reply that no model wrote."""
        return self._shaped(_SHORT[self.task](self.question))

    def reply(self, written: str) -> str | None:
        """What a model wrote, in the wanted shape; None if it has not the shape and cannot be given it."""
        if self.as_json:
            found = _value(written, self.task)
            return None if found is None else self._shaped(found)
        lines = [line.strip().strip("\"'“”*# ") for line in written.splitlines()]
        first = next((line for line in lines if line), "")
        return first if 0 < len(first) <= _LONGEST_TITLE else None

    def _shaped(self, value: str | list[str]) -> str:
        if self.as_json:
            return json.dumps({self.task: value}, ensure_ascii=False)
        return value if isinstance(value, str) else "\n".join(value)


class TaskReply(Node):
    """Reply to a task request with the language model, or shortly without one or where it fails."""

    max_tokens: int = 512

    async def __call__(self, request: TaskRequest, model: LanguageModel | None, run: Run) -> Answer:
        if model is None or not model.available:
            return Answer(request.short_reply())
        try:
            limit = min(self.max_tokens, request.tokens or self.max_tokens)
            generation = await model.generate(GenerationRequest(request.turns, max_tokens=limit))
        except (BudgetExhausted, ModelError) as error:
            run.degrade(f"the language model could not reply: {error.told}")
            return Answer(request.short_reply())
        # The last line of a text that was cut short is half a line.
        whole = generation.finish == "stop"
        written = request.reply(generation.text if whole else generation.text.rpartition("\n")[0])
        if written is None:
            run.degrade("the language model gave no reply in the wanted form")
        return Answer(written if written is not None else request.short_reply())


#: What answers a task request, whichever workflow it names.
TASK = workflow("task", TaskReply(), inputs=(TaskRequest,))


def title(question: str) -> str:
    """A title of the first words of a question."""
    words = question.split()[:_TITLE_WORDS]
    while len(words) > 1 and len(" ".join(words)) > _TITLE_LENGTH:
        words.pop()
    return " ".join(words)[:_TITLE_LENGTH].strip(" \"'.,;:!?#*`") or _UNTITLED


#: The reply that no model wrote, by task, made of a question of the conversation.
_SHORT: Mapping[Task, Callable[[str], str | list[str]]] = {
    "title": title,
    "tags": lambda _: ["General"],
    "follow_ups": lambda _: [],
    "queries": lambda question: [question] if question else [],
    "text": lambda _: "",
}

_SPEAKER = re.compile(r"^[ \t]*(?P<who>user|human|assistant|ai)[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)


def _asked(said: str, *, last: bool) -> str:
    """The first or last question of a conversation that is written down as `user: …` and `assistant: …`."""
    said = said[-_READ:] if last else said[:_READ]
    turns = [*_SPEAKER.finditer(said)]
    ends = [*(turn.start() for turn in turns[1:]), len(said)]
    questions = [
        said[turn.end() : end].strip()
        for turn, end in zip(turns, ends, strict=False)
        if turn["who"].lower() in ("user", "human")
    ]
    questions = [question for question in questions if question] or [said.strip()]
    return questions[-1 if last else 0]


def _value(written: str, key: Task) -> str | list[str] | None:
    """What an object in a text holds under a key, if it is of the kind that the key is for."""
    decoder = json.JSONDecoder()
    for at in (match.start() for match in re.finditer(r"\{", written)):
        try:
            found: Any = decoder.raw_decode(written, at)[0]
        except (ValueError, RecursionError):
            continue
        value = found.get(key)
        if isinstance(value, str) and key in ("title", "text"):
            return value
        if isinstance(value, list) and key not in ("title", "text"):
            return [str(each) for each in cast("list[object]", value)]
    return None
