"""What the best passages speak of by its title moves up."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from orchestrator import ANONYMOUS, Hits, Principal, Question, workflow
from orchestrator.application.application import Application
from orchestrator.nodes import TitleMentionBoost
from orchestrator.nodes.retrieve.title_mention_boost import mentions
from orchestrator.types import Hit, Passage
from tests.nodes.shelf import BOARD, given_hits, ids, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILMS = [
    ("hello", "Hello Love", "Hello Love is a song by Hank Snow, released in 1974."),
    ("snow", "Hank Snow", "Hank Snow was a singer who lived in Nova Scotia and in Tennessee."),
    ("weather", "Weather", "Frozen water falls as flakes; a hank is a measure of yarn."),
    ("tennessee", "Tennessee", "Tennessee is a state that borders eight others."),
]
SECRET = [("diary", "Diary", "Tennessee is where the board meets. Hank Snow sang there.")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    folder = tmp_path_factory.mktemp("mentions")
    async with shelf(folder, {"public": FILMS, "board": SECRET}) as application:
        yield application


async def raised(
    app: Application,
    found: list[tuple[str, float]],
    node: TitleMentionBoost,
    text: str = "Where did the singer of Hello Love live?",
    principal: Principal = ANONYMOUS,
) -> list[tuple[str, float]]:
    where = await ids(app)
    hits = given_hits(*((where[name], score) for name, score in found))
    result = await workflow("raised", hits >> node).run(Question(text, principal), ports=app.ports())
    named = await names(app, result.output, BOARD)
    return list(zip(named, (hit.score for hit in result.output), strict=True))


FOUND = [("hello", 1.0), ("weather", 0.5), ("tennessee", 0.45), ("snow", 0.42)]


@pytest.mark.slow
async def test_a_passage_that_the_best_one_names_gains_a_share_of_its_score(app: Application) -> None:
    assert await raised(app, FOUND, TitleMentionBoost(docs=1, weight=0.1)) == [
        ("hello", 1.0),
        ("snow", pytest.approx(0.52)),
        ("weather", 0.5),
        ("tennessee", 0.45),
    ]


async def test_what_the_question_names_gains_nothing(app: Application) -> None:
    found = await raised(app, FOUND, TitleMentionBoost(docs=1), "Who is Hank Snow, the singer of Hello Love?")
    assert found == FOUND


async def test_links_beyond_the_best_and_the_pool_do_not_count(app: Application) -> None:
    assert await raised(app, FOUND, TitleMentionBoost(docs=1, pool=3)) == FOUND
    more = [("hello", 1.0), ("snow", 0.9), ("tennessee", 0.1)]
    assert (await raised(app, more, TitleMentionBoost(docs=1, weight=0.1)))[-1] == ("tennessee", 0.1)
    assert (await raised(app, more, TitleMentionBoost(docs=2, weight=0.1)))[-1] == (
        "tennessee",
        pytest.approx(0.19),
    )


async def test_a_passage_that_may_not_be_read_passes_nothing_on(app: Application) -> None:
    found = [("diary", 1.0), ("tennessee", 0.4)]
    assert await raised(app, found, TitleMentionBoost()) == found
    assert (await raised(app, found, TitleMentionBoost(weight=0.1), principal=BOARD))[1] == ("tennessee", 0.5)


async def test_a_title_is_found_as_whole_words_as_written() -> None:
    song = Passage("1", "hello", "A song by Hank Snow (1974).", "Hello Love")
    assert mentions(song, Passage("2", "snow", "", "Hank Snow"))
    assert not mentions(song, Passage("2", "snow", "", "Hank Snowden"))
    assert not mentions(song, Passage("2", "snow", "", "hank snow"))
    assert mentions(song, Passage("2", "year", "", "(1974)"))
    assert not mentions(song, Passage("2", "hello", "", "Hank Snow")), "the same document"
    assert not mentions(song, Passage("2", "other", "", "Hello Love")), "the same title"


async def test_no_hits_are_no_hits(app: Application) -> None:
    result = await workflow("none", given_hits() >> TitleMentionBoost()).run(
        Question("anything", ANONYMOUS), ports=app.ports()
    )
    assert result.output == Hits()
    kept = Hits((Hit("gone", 1.0),))
    result = await workflow("gone", given_hits(("gone", 1.0)) >> TitleMentionBoost()).run(
        Question("anything", ANONYMOUS), ports=app.ports()
    )
    assert result.output == kept
