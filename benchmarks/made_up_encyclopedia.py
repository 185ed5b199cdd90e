"""A made-up encyclopedia with questions of two steps, as a data set in BEIR's layout.

    python -m benchmarks.made_up_encyclopedia FOLDER [--films 2000] [--seed 7]

Films, songs, companies, towns and families. Titles are ambiguous as in a real one: `Winter`, `Winter (film)`,
`Winter (1950 film)`, `Winter (song)`; people are called by their whole name once and by their last name
later; a quarter of the films share their title with another. A question names the passage of its first
step, seldom as its title is written; the second has few words of the question. Three questions in ten
compare two films, two of these by their directors, which takes four passages.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FIRST = (
    "Anna Boris Clara David Elena Felix Greta Hugo Irene Jakob Karin Leon Marta Nikolai Olga Pedro Rosa "
    "Stefan Teresa Viktor Walter Yvonne Alan Beatrice Carlos Daisy Edmund Frances George Harriet Ivan "
    "Julia Kenneth Louise Martin Nora Oscar Pamela Robert Sylvia Thomas Ursula William Zofia Akira Mei "
    "Rajesh Priya Hassan Leila"
).split()
LAST = (
    "Abbott Barlow Castellano Dvorak Eriksen Fontaine Grabowski Hartmann Ibsen Jankowski Kowalski "
    "Lindqvist Moreau Novak Olsen Pereira Quiroga Rossi Schneider Takahashi Urban Varga Winters Yamada "
    "Zimmer Sharma Khan Nakamura Baker Carpenter Fisher Gardener King Long Marsh North Page Reed Stone "
    "Young Black White Green Hill Wood Bishop"
).split()
COUNTRIES = [
    ("Polish", "Poland"),
    ("French", "France"),
    ("German", "Germany"),
    ("Italian", "Italy"),
    ("Indian", "India"),
    ("American", "United States"),
    ("British", "United Kingdom"),
    ("Japanese", "Japan"),
    ("Swedish", "Sweden"),
    ("Brazilian", "Brazil"),
    ("Hungarian", "Hungary"),
    ("Norwegian", "Norway"),
]
HOW = (
    "Silent Broken Golden Last Hidden Red Long Distant Burning Lost Second Secret Winter Midnight Iron "
    "Paper Cruel Gentle Endless Final"
).split()
WHAT = (
    "River Heart Promise Road Garden Winter Night Letter Mirror Island Shadow Summer Bride Stranger House "
    "Train Harvest Ocean Kingdom Dream"
).split()
TOWN_HEADS = (
    "Ash Bran Castle Dun Elm Fair Glen Harts Inver Kings Lang Mar North Oak Pen Ross South Thorn".split()
)
TOWN_TAILS = "ford bury ton ham wick ley mouth field stead worth dale burg".split()
GENRES = "drama comedy thriller romance crime adventure war musical horror western".split()
TRADES = "Motors Steel Press Foods Airlines".split()
MONTHS = "January March April May June August September October".split()


@dataclass
class Person:
    """Somebody with a page."""

    title: str
    name: str
    trade: str
    country: tuple[str, str]
    year: int
    town: str
    father: Person | None = None
    spouse: Person | None = None


@dataclass
class Film:
    """A film with a page."""

    title: str
    name: str
    director: Person
    cast: list[Person]


class Encyclopedia:
    """Pages by title, and questions with the titles of the pages that answer them."""

    def __init__(self, seed: int, films: int) -> None:
        self.chance = random.Random(seed)
        self.pages: dict[str, str] = {}
        self.questions: list[tuple[str, list[str]]] = []
        self._named: dict[str, int] = {}
        self._people: dict[str, Person] = {}
        names = [head + tail for head in TOWN_HEADS for tail in TOWN_TAILS]
        self.towns = self.chance.sample(names, 180)
        for nation, country in COUNTRIES:
            self.pages[country] = (
                f"{country} is a country. {nation} cinema began in the 1890s, and it trades by sea."
            )
        for town in self.towns:
            country = self.chance.choice(COUNTRIES)[1]
            self.pages[town] = (
                f"{town} is a town in {country}. It is known for its market and a festival in May."
            )
        self.directors = [self.person("film director") for _ in range(films // 3)]
        self.actors = [self.person("actor") for _ in range(films // 2)]
        self.singers = [self.person("singer") for _ in range(films // 6)]
        self._families(films)
        self.films = [film for _ in range(films) if (film := self._film()) is not None]
        self.songs = [song for _ in range(films // 3) if (song := self._song()) is not None]
        self.companies = [one for _ in range(films // 6) if (one := self._company()) is not None]
        for each in list(self._people.values()):
            self._page_of(each)

    def person(self, trade: str, last: str = "", country: tuple[str, str] | None = None) -> Person:
        """A new person; one in sixteen shares the name of another, and is told apart in the title."""
        chance = self.chance
        while True:
            name = f"{chance.choice(FIRST)} {last or chance.choice(LAST)}"
            if chance.random() < 0.25:
                name = name.replace(" ", f" {chance.choice(FIRST)[0]}. ", 1)
            if name not in self._named or chance.random() < 0.06:
                break
        year = chance.randint(1870, 1985)
        title = name if name not in self._named else f"{name} ({trade})"
        title = title if title not in self._people else f"{name} ({trade}, born {year})"
        self._named[name] = 1
        made = Person(
            title, name, trade, country or chance.choice(COUNTRIES), year, chance.choice(self.towns)
        )
        self._people[title] = made
        return made

    def ask(self, number: int) -> None:
        """Add questions: ten kinds in turn."""
        kinds: list[Callable[[], None]] = [
            self._of_director, self._of_director, self._end_of_director, self._same_country, self._later_born,
            self._first_out, self._of_song, self._of_family, self._of_company, self._of_actor,
        ]  # fmt: skip
        for turn in range(number):
            kinds[turn % len(kinds)]()

    def write(self, folder: Path) -> None:
        """Write the data set."""
        numbers = {title: f"d{number}" for number, title in enumerate(self.pages)}
        asked = [(text, gold) for text, gold in self.questions if len(gold) > 1]
        (folder / "qrels").mkdir(parents=True, exist_ok=True)
        pages = [{"_id": numbers[title], "title": title, "text": text} for title, text in self.pages.items()]
        queries = [{"_id": f"q{number}", "text": text} for number, (text, _) in enumerate(asked)]
        for name, rows in (("corpus", pages), ("queries", queries)):
            lines = [json.dumps(row) + "\n" for row in rows]
            (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        judged = [f"q{n}\t{numbers[title]}\t1\n" for n, (_, gold) in enumerate(asked) for title in gold]
        (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged))

    def _families(self, films: int) -> None:
        chance = self.chance
        for each in (*self.directors, *self.actors[: films // 4], *self.singers):
            last = each.name.split()[-1]
            if chance.random() < 0.6:
                each.father = self.person(
                    chance.choice(["politician", "painter", "writer"]), last, each.country
                )
                if chance.random() < 0.5:
                    each.father.father = self.person(chance.choice(["judge", "general"]), last, each.country)
            if chance.random() < 0.5:
                each.spouse = self.person(chance.choice(["writer", "pianist"]))

    def _work(self) -> str:
        chance = self.chance
        forms = (
            lambda: f"{chance.choice(HOW)} {chance.choice(WHAT)}",
            lambda: f"The {chance.choice(HOW)} {chance.choice(WHAT)}",
            lambda: f"{chance.choice(WHAT)} of {chance.choice(self.towns[:60])}",
            lambda: f"{chance.choice(FIRST[:20])} and {chance.choice(FIRST[20:])}",
        )
        return chance.choice(WHAT) if chance.random() < 0.01 else chance.choice(forms)()

    def _film(self) -> Film | None:
        chance, name = self.chance, self._work()
        year, (nation, country) = chance.randint(1915, 2018), chance.choice(COUNTRIES)
        titles = [name, f"{name} (film)", f"{name} ({year} film)"]
        title = next((one for one in titles if one not in self.pages and one not in WHAT), "")
        if not title:
            return None
        director, cast = chance.choice(self.directors), chance.sample(self.actors, 3)
        first, second, third = (actor.name for actor in cast)
        what = f"{chance.choice(GENRES)} film"
        forms = [
            (
                f"{name} is a {year} {nation} {what} directed by {director.name} and starring {first}, "
                f"{second} and {third}."
            ),
            (
                f"{name} is a {nation} {what} of {year}. It was directed by {director.name}. The film stars "
                f"{first} and {second}, with {third} in a small role."
            ),
            (
                f"{name} is a {year} {what} starring {first} and {second}. The screenplay was written by "
                f"{third}, and {director.name} directed."
            ),
        ]
        shown = (
            f"It was shot in {chance.choice(self.towns)} and shown in {country} in {chance.choice(MONTHS)}."
        )
        self.pages[title] = f"{chance.choice(forms)} {shown}"
        return Film(title, name, director, cast)

    def _song(self) -> tuple[str, str, Person] | None:
        name, singer = self._work(), self.chance.choice(self.singers)
        title = f"{name} (song)"
        if title in self.pages:
            return None
        self.pages[title] = (
            f'"{name}" is a song by {singer.name}. It was produced by '
            f"{self.chance.choice(self.singers).name} and was heard in {self.chance.choice(COUNTRIES)[1]}."
        )
        return title, name, singer

    def _company(self) -> tuple[str, Person] | None:
        title = f"{self.chance.choice(LAST)} {self.chance.choice(TRADES)}"
        if title in self.pages:
            return None
        founder = self.person("businessman")
        self.pages[title] = (
            f"{title} is based in {self.chance.choice(self.towns)}. It was founded by {founder.name}."
        )
        return title, founder

    def _page_of(self, person: Person) -> None:
        chance, last = self.chance, person.name.split()[-1]
        text = (
            f"{person.name} (born {person.year}) was a {person.country[0]} {person.trade}. "
            f"Born in {person.town}, {last} studied in {chance.choice(self.towns)} and worked in "
            f"{chance.choice(COUNTRIES)[1]}."
        )
        if person.father:
            text += f" {last} was the child of {person.father.trade} {person.father.name}."
        if person.spouse:
            text += f" {last} married {person.spouse.name}."
        films = [film.name for film in self.films if film.director is person][:3]
        if films and chance.random() < 0.5:
            text += f" Well known films are {' and '.join(films)}."
        self.pages.setdefault(person.title, f"{text} {last} died in {chance.choice(self.towns)}.")

    def _add(self, text: str, *gold: str) -> None:
        self.questions.append((text, list(dict.fromkeys(gold))))

    def _called(self, film: Film) -> str:
        return film.title if self.chance.random() < 0.6 else film.name

    def _of_director(self) -> None:
        film = self.chance.choice(self.films)
        asked = "Who is the father of" if film.director.father else "Where was"
        end = "" if film.director.father else " born"
        text = f"{asked} the director of film {self._called(film)}{end}?"
        self._add(text, film.title, film.director.title)

    def _end_of_director(self) -> None:
        film = self.chance.choice(self.films)
        text = f"Where did the director of the film {self._called(film)} die?"
        self._add(text, film.title, film.director.title)

    def _two(self) -> tuple[Film, Film, list[str]]:
        one, other = self.chance.sample(self.films, 2)
        return one, other, [one.title, other.title, one.director.title, other.director.title]

    def _same_country(self) -> None:
        one, other, gold = self._two()
        self._add(
            f"Do the directors of the films {one.title} and {other.title} come from the same country?", *gold
        )

    def _later_born(self) -> None:
        one, other, gold = self._two()
        self._add(f"Which film has the director who was born later, {one.title} or {other.title}?", *gold)

    def _first_out(self) -> None:
        one, other, gold = self._two()
        self._add(f"Which film came out first, {one.title} or {other.title}?", *gold[:2])

    def _of_song(self) -> None:
        title, name, singer = self.chance.choice(self.songs)
        self._add(f"What is the place of birth of the performer of the song {name}?", title, singer.title)

    def _of_family(self) -> None:
        each = self.chance.choice([one for one in self._people.values() if one.father and one.father.father])
        assert each.father is not None
        self._add(f"Who is the paternal grandfather of {each.name}?", each.title, each.father.title)

    def _of_company(self) -> None:
        title, founder = self.chance.choice(self.companies)
        self._add(f"Where did the founder of the company {title} study?", title, founder.title)

    def _of_actor(self) -> None:
        film = self.chance.choice(self.films)
        first, second, third = film.cast
        text = (
            f"What nationality is the actor who starred with {second.name} and {third.name} in {film.name}?"
        )
        self._add(text, film.title, first.title)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--films", type=int, default=2_000)
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    made = Encyclopedia(arguments.seed, arguments.films)
    made.ask(arguments.questions)
    made.write(arguments.folder)
    print(f"{len(made.pages):,} pages, {len(made.questions)} questions in {arguments.folder}")


if __name__ == "__main__":
    main()
