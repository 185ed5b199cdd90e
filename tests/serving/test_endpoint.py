"""The endpoint as it is installed: documents on disk, the command line's server, the official client."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from tests.serving.asgi import asking, events
from tests.serving.process import PATIENCE, PROGRAM, Server, orchestrator, running

pytestmark = pytest.mark.slow

PATH = "/v1/chat/completions"
READER, BOARD = "key-of-a-reader", "key-of-the-board"
SETTINGS = f"""
[api_keys]
"{READER}" = {{ grants = ["public"], name = "reader" }}
"{BOARD}" = {{ grants = ["public", "board"], name = "board" }}
"""
OPEN = {
    "bees.md": "# Bees\n\nBees dance to tell each other where flowers are. A hive has one queen.\n",
    "ferry.md": "# Ferries\n\nThe ferry to Naxos leaves at noon. In winter it leaves at nine.\n",
}
CLOSED = {"minutes.md": "# Minutes\n\nThe ferry to Naxos will be sold to a rival in May.\n"}
QUESTION = "When does the ferry to Naxos leave?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with settings and an index of open and closed documents."""
    folder = tmp_path_factory.mktemp("endpoint")
    (folder / "orchestrator.toml").write_text(SETTINGS)
    for name, files, label in (("open", OPEN, "public"), ("closed", CLOSED, "board")):
        (folder / name).mkdir()
        for file, text in files.items():
            (folder / name / file).write_text(text)
        added = orchestrator("index", "add", name, "--label", label, folder=folder)
        assert added.returncode == 0, added.stderr
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Generator[Server, None, None]:
    own = str(Path(__file__).with_name("recalls.py"))
    with running([*PROGRAM, "serve", "search", "chat", own, "--port", "0"], folder=folder) as started:
        yield started


def ask(client: openai.OpenAI, model: str, question: str = QUESTION) -> ChatCompletion:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}])


def sources(completion: ChatCompletion) -> set[str]:
    """The files that an answer cites, by its extension field."""
    return {Path(each["source"]).name for each in completion.citations}  # type: ignore[attr-defined]


def test_the_workflows_are_models(server: Server):
    assert [model.id for model in server.client(READER).models.list()] == ["search", "chat", "recalls"]
    assert server.client(READER).models.retrieve("chat").owned_by == "orchestrator"


def test_it_is_ready(server: Server):
    response = httpx.get(f"{server.address}/readyz")
    assert response.json() == {
        "status": "ready",
        "checks": {"index": "ok", "database": "ok", "server": "ok"},
    }


def test_an_answer_cites_the_documents_that_it_is_made_of(server: Server):
    completion = ask(server.client(READER), "chat")
    message = completion.choices[0].message
    assert message.content is not None
    assert "leaves at noon" in message.content
    assert message.annotations
    first = message.annotations[0].url_citation
    assert message.content[first.start_index : first.end_index] == "[1]"
    assert first.url.startswith("file:///")
    assert first.url.endswith("/open/ferry.md")


@pytest.mark.parametrize("model", ["chat", "search"])
def test_stream_whole_answer_and_reading_back_say_the_same(server: Server, model: str):
    client = server.client(BOARD)
    whole = ask(client, model).model_dump()
    with client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], stream=True
    ) as stream:
        chunks = [chunk.model_dump() for chunk in stream]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    last = chunks[-1]
    run = httpx.get(
        f"{server.address}/v1/runs/{last['run_id']}", headers={"Authorization": f"Bearer {BOARD}"}
    ).json()
    message = whole["choices"][0]["message"]
    assert "".join(delta["content"] or "" for delta in deltas) == message["content"] == run["answer"]
    assert deltas[-1]["annotations"] == message["annotations"] == run["annotations"]
    assert last["citations"] == whole["citations"] == run["citations"]
    assert last["degraded"] == whole["degraded"] == run["degraded"]
    assert last["citations"]
    assert run["trace"]


@pytest.mark.parametrize("model", ["chat", "search"])
def test_two_keys_see_what_each_may_see(server: Server, model: str):
    question = "Will the ferry to Naxos be sold to a rival?"
    reader, board = (ask(server.client(key), model, question) for key in (READER, BOARD))
    assert "minutes.md" not in sources(reader)
    assert "minutes.md" in sources(board)
    assert "in May" not in reader.model_dump_json()
    run = f"{server.address}/v1/runs/{board.run_id}"  # type: ignore[attr-defined]
    assert httpx.get(run, headers={"Authorization": f"Bearer {BOARD}"}).status_code == 200
    assert httpx.get(run, headers={"Authorization": f"Bearer {READER}"}).status_code == 404


def test_no_field_of_a_request_grants_anything(server: Server):
    claims: dict[str, Any] = {
        "principal": {"grants": ["board"]},
        "grants": ["board"],
        "user": "board",
        "metadata": {"tenant": "default", "grants": "board"},
        "filters": [],
    }
    completion = server.client(READER).chat.completions.create(
        model="search", messages=[{"role": "user", "content": QUESTION}], extra_body=claims
    )
    assert "minutes.md" not in sources(completion)


@pytest.mark.parametrize("key", ["", "key-of-a-stranger", f"{READER}x", READER.upper()])
def test_another_key_opens_nothing(server: Server, key: str):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    for path in ("/v1/models", "/v1/runs/0"):
        assert httpx.get(server.address + path, headers=headers).status_code == 401
    assert httpx.post(server.address + PATH, headers=headers, json=asking("chat")).status_code == 401
    with pytest.raises(openai.AuthenticationError):
        ask(server.client(key or "none"), "chat")


def test_a_conversation_goes_on(server: Server):
    turns: list[ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
    client = server.client(READER)
    first = client.chat.completions.create(model="chat", messages=turns).choices[0].message.content
    turns += [{"role": "assistant", "content": first}, {"role": "user", "content": "And in winter?"}]
    second = client.chat.completions.create(model="chat", messages=turns)
    assert "ferry.md" in sources(second)
    recited = client.chat.completions.create(model="recalls", messages=turns).choices[0].message.content
    assert recited == f"user: {QUESTION} | assistant: {first} | asked: And in winter?"


def test_tools_and_pictures_of_earlier_turns_are_passed_over(server: Server):
    turns: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "a bee"},
    ]
    client = server.client(READER)
    with pytest.raises(openai.BadRequestError, match="End with a turn of the user") as caught:
        client.chat.completions.create(model="recalls", messages=turns)
    assert (caught.value.param, caught.value.code) == ("messages[3].role", "unsupported_value")
    asked: ChatCompletionMessageParam = {"role": "user", "content": "Where does it live?", "name": "ada"}
    completion = client.chat.completions.create(model="recalls", messages=[*turns, asked])
    assert completion.choices[0].message.content == "user: What is this? | asked: Where does it live?"


def test_two_keys_have_conversations_of_their_own(server: Server):
    turns: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "the same"},
        {"role": "user", "content": "words"},
    ]
    ids: set[str] = set()
    for key in (READER, BOARD):
        completion = server.client(key).chat.completions.create(model="recalls", messages=turns)
        run = httpx.get(
            f"{server.address}/v1/runs/{completion.run_id}",  # type: ignore[attr-defined]
            headers={"Authorization": f"Bearer {key}"},
        ).json()
        ids.add(run["trace"][0]["reads"]["question"]["conversation"])
    assert len(ids) == 2
    assert None not in ids


def test_usage_is_sent_when_it_is_asked_for(server: Server):
    response = httpx.post(
        server.address + PATH,
        headers={"Authorization": f"Bearer {READER}"},
        json=asking("chat", QUESTION, stream=True, stream_options={"include_usage": True}),
        timeout=PATIENCE,
    )
    *_, usage, done = events(response.text)
    assert (usage["choices"], done) == ([], "[DONE]")
    assert usage["usage"]["total_tokens"] == 0


def test_documents_added_while_it_serves_are_found(server: Server, folder: Path):
    question = "What do walruses eat?"
    assert "walrus.md" not in sources(ask(server.client(READER), "search", question))
    (folder / "open" / "walrus.md").write_text("# Walruses\n\nWalruses eat clams from the sea floor.\n")
    assert orchestrator("index", "add", "open", folder=folder).returncode == 0
    assert "walrus.md" in sources(ask(server.client(READER), "search", question))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "nonsense"),
        (["chat", "chat"], "Two workflows are named 'chat'"),
        (["chat", "--host", "no.such.host.invalid"], "Cannot serve on no.such.host.invalid"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(folder: Path, arguments: list[str], says: str):
    done = orchestrator("serve", *arguments, folder=folder)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_one_sentence(server: Server, folder: Path):
    port = server.address.rpartition(":")[2]
    done = orchestrator("serve", "search", "--port", port, folder=folder)
    assert done.returncode == 2
    assert f"Port {port} on 127.0.0.1 is in use" in done.stderr
    assert "Traceback" not in done.stderr
