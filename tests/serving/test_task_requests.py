"""Requests for titles and the like are told from questions, and get a reply in the wanted shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import Answer, Question, node, workflow
from orchestrator.ports import LanguageModel
from orchestrator.serving.task_requests import FORMS, TaskRequest, title
from orchestrator.serving.wire.chat_request import Turns
from orchestrator.settings import Serve
from orchestrator.types import Message
from tests.nodes.library import Model
from tests.serving.asgi import asking, endpoint, events

PATH = "/v1/chat/completions"
QUESTION = "When does the ferry to Naxos leave, and where from?"
CHAT = f"USER: {QUESTION}\nASSISTANT: At noon [1].\nUSER: And in winter?\nASSISTANT: At nine."


def open_webui(task: str, example: str, *, order: str = "Do the thing that is wanted.") -> str:
    return (
        f"### Task:\n{order}\n### Guidelines:\n- Be brief.\n### Output:\n"
        f'JSON format: {{ "{task}": {example} }}\n### Chat History:\n<chat_history>\n{CHAT}\n</chat_history>'
    )


AUTOCOMPLETION = (
    "### Task:\nYou do autocompletion of `<text>` by its `<type>`.\n### Context:\n"
    f"<chat_history>\n{CHAT}\n</chat_history>\n<type>General</type>\n<text>When does</text>\n#### Output:\n"
)
LIBRE_CHAT = (
    "Provide a concise, 5-word-or-less title for the conversation, in some case. "
    "Only return the title itself.\n\n"
    f"Conversation:\nUser: {QUESTION}\nAI: At noon."
)
NEXT_CHAT = (
    "Please generate a four to five word title summarizing our conversation without anything else. "
    "Remove enclosing quotation marks."
)
SHORT = "When does the ferry to Naxos"
TASKS: dict[str, tuple[list[dict[str, str]], str]] = {
    "title": ([{"role": "user", "content": open_webui("title", '"your title"')}],
              json.dumps({"title": SHORT})),
    "tags": ([{"role": "user", "content": open_webui("tags", '["tag1", "tag2"]')}],
             json.dumps({"tags": ["General"]})),
    "follow-ups": ([{"role": "user", "content": open_webui("follow_ups", '["Question 1?"]')}],
                   json.dumps({"follow_ups": []})),
    "queries": ([{"role": "user", "content": open_webui("queries", '["query1"]')}],
                json.dumps({"queries": ["And in winter?"]})),
    "autocompletion": ([{"role": "user", "content": AUTOCOMPLETION}], json.dumps({"text": ""})),
    "LibreChat": ([{"role": "user", "content": LIBRE_CHAT}], SHORT),
    "NextChat": ([{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "At noon."},
                  {"role": "user", "content": NEXT_CHAT}], SHORT),
    "LobeChat": ([{"role": "system", "content": "You are a professional conversation summarizer. Rules:"},
                  {"role": "user", "content": f"user: {QUESTION}\nassistant: At noon."}], SHORT),
    "chat-ui": ([{"role": "system", "content": "You are a chat thread titling assistant.\nOnly a title."},
                 {"role": "user", "content": f'User message: "{QUESTION}"'}], SHORT),
}  # fmt: skip
QUESTIONS = {
    "about titles": "Generate a concise, 3-5 word title for my article about whales.",
    "the documents' answer of Open WebUI": (
        "### Task:\nRespond to the user query using the provided context.\n<context>\n"
        'JSON format: { "title": "x" } <chat_history>USER: x</chat_history>\n</context>\n'
        "<user_query>\nWhen does the ferry leave?\n</user_query>"
    ),
    "that quotes the prompt": "What does this prompt do?\n\n" + open_webui("title", '"your title"'),
    "behind the prompt": open_webui("title", '"your title"') + "\nWhat does this prompt do?",
    "headed as a task": '### Task:\nFind the ferry.\n### Output:\nJSON format: { "title": "x" }',
    "of LibreChat's words": "Provide a concise, correct summary of how a title for the conversation is made.",
    "of NextChat's words": NEXT_CHAT,
    "in quotation marks": f'User message: "{QUESTION}"',
    "with a name before it": f"user: {QUESTION}",
}


@node
async def searches(question: Question) -> Answer:
    return Answer(f"searched for {question.text}")


SEARCHES = [workflow("searches", searches)]


def sent(messages: list[dict[str, str]], **fields: Any) -> dict[str, Any]:
    return {"model": "searches", "messages": messages, **fields}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_task_gets_a_short_reply_without_a_model_and_no_search(name: str, stream: bool):
    messages, expected = TASKS[name]
    async with endpoint(SEARCHES) as client:
        response = await client.post(PATH, json=sent(messages, stream=stream))
    assert response.status_code == 200
    if stream:
        *chunks, done = events(response.text)
        said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        assert done == "[DONE]"
    else:
        said = response.json()["choices"][0]["message"]["content"]
        assert response.json()["model"] == "searches"
    assert said == expected


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_question_is_not_taken_for_a_task(name: str):
    async with endpoint(SEARCHES) as client:
        body = (await client.post(PATH, json=asking("searches", QUESTIONS[name]))).json()
    assert body["choices"][0]["message"]["content"] == f"searched for {QUESTIONS[name]}"


async def test_they_can_be_questions_after_all():
    text = open_webui("title", '"your title"')
    async with endpoint(SEARCHES, serve=Serve(task_requests=False)) as client:
        body = (await client.post(PATH, json=asking("searches", text))).json()
    assert body["choices"][0]["message"]["content"] == f"searched for {text}"


@pytest.mark.parametrize(
    ("name", "written", "expected"),
    [
        ("title", 'Sure: {"title": "⛴ Ferry to Naxos"}', '{"title": "⛴ Ferry to Naxos"}'),
        ("title", '```json\n{ "title": "Ferry" }\n```', '{"title": "Ferry"}'),
        ("title", "Ferry to Naxos", TASKS["title"][1]),
        ("title", '{"title": ["Ferry"]}', TASKS["title"][1]),
        ("tags", '{"tags": ["Travel", "Greece"]}', '{"tags": ["Travel", "Greece"]}'),
        ("follow-ups", '{"follow_ups": "no', '{"follow_ups": []}'),
        ("follow-ups", '{"follow_ups": ' + "[" * 5_000, '{"follow_ups": []}'),
        ("LibreChat", '\n"Ferry to Naxos"\nThat is it.', "Ferry to Naxos"),
        ("LibreChat", "", SHORT),
        ("chat-ui", "**Naxos ferry**", "Naxos ferry"),
    ],
)
async def test_a_model_writes_the_reply_if_it_keeps_to_the_shape(name: str, written: str, expected: str):
    model = Model(written)
    async with endpoint(SEARCHES, ports={LanguageModel: model}) as client:
        body = (await client.post(PATH, json=sent(TASKS[name][0]))).json()
    text = body["choices"][0]["message"]["content"]
    assert text == expected.replace("\\u26f4", "⛴")
    asked = [(message.role, message.text) for message in model.prompts[0]]
    assert asked == [(each["role"], each["content"]) for each in TASKS[name][0]]
    assert body["usage"]["total_tokens"] == 15


async def test_half_a_line_is_no_title():
    messages, short = TASKS["LibreChat"]
    for written, expected in (("Ferry to", short), ("Ferry to Naxos\nThis is", "Ferry to Naxos")):
        async with endpoint(SEARCHES, ports={LanguageModel: Model(written, finish="length")}) as client:
            body = (await client.post(PATH, json=sent(messages, max_tokens=3))).json()
        assert body["choices"][0]["message"]["content"] == expected


async def test_a_model_that_fails_leaves_the_short_reply():
    messages, expected = TASKS["title"]
    async with endpoint(SEARCHES, ports={LanguageModel: Model("x", fails_after=0)}) as client:
        body = (await client.post(PATH, json=sent(messages))).json()
    assert body["choices"][0]["message"]["content"] == expected
    assert body["degraded"] == ["The language model could not reply: The model server went away."]


async def test_a_task_needs_a_model_that_is_served():
    async with endpoint(SEARCHES) as client:
        response = await client.post(PATH, json={**sent(TASKS["title"][0]), "model": "nonsense"})
    assert response.status_code == 404


def test_every_form_is_tried():
    found = {TaskRequest.of(_turns(messages)) is not None for messages, _ in TASKS.values()}
    assert found == {True}
    assert len(FORMS) == len(TASKS)


def _turns(messages: list[dict[str, str]]) -> Turns:
    told = "".join(each["content"] for each in messages if each["role"] == "system")
    earlier = tuple(
        Message("user" if each["role"] == "user" else "assistant", each["content"])
        for each in messages[:-1]
        if each["role"] != "system"
    )
    return Turns(told, earlier, messages[-1]["content"].strip())


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("When?", "When"),
        ("  What\n\nis   this? ", "What is this"),
        ("Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz und mehr",
         "Rindfleischetikettierungsüberwachungsaufgabenübertragungsges"),
        ("???", "New chat"),
    ],
)  # fmt: skip
def test_a_title_is_the_first_words(question: str, expected: str):
    assert title(question) == expected


@given(st.text(max_size=200))
def test_any_question_has_a_title(question: str):
    made = title(question)
    assert 0 < len(made) <= 60
    assert "\n" not in made
