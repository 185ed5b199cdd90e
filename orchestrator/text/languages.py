"""The language of a text in Latin script, by its function words.

Articles, pronouns and prepositions are a third of running text in each of these languages, and are hardly
shared among them. So a paragraph is told by a handful of words, without a model to load; a text of few
words is told only if they are plain. Other scripts are told by Unicode (`orchestrator.text.scripts`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import lru_cache

from orchestrator.text.words import words

#: The commonest function words of each language. A word of several languages is listed in each.
FUNCTION_WORDS = {
    "english": """
        the of and to in is that it for was on are as with be this by from at have or an they which
        not you has were had but their its can been when there what how who will would if does do
        where
    """,
    "german": """
        der die das und ist in den von zu mit sich des auf für nicht ein eine einer eines einem einen
        als auch es an werden aus er hat dass sie nach wird bei um am sind noch wie dem oder wurde zum
        zur durch kann wenn war über wer wo wann welche welcher welches ihr ihre vom im man nur haben
    """,
    "french": """
        le la les de des du et est en un une dans que qui pour par sur pas au aux plus ne se ce cette
        sont avec il elle ou été qu ces leur son sa ses être fait comme mais combien quel quelle quels
        quelles où comment quand pourquoi nous vous ont
    """,
    "spanish": """
        el la los las de del es en un una que por con para se no al lo su sus como más pero fue este
        esta son entre sobre también desde hasta cuando quién qué cuál cómo dónde cuándo cuántos
        cuántas cuánto cuánta ha han sin puede ser le
    """,
    "italian": """
        il lo la gli le di del della dei delle è in un una che per con si non al alla da dal dalla nel
        nella come più ma sono anche questo questa fu quale chi dove quando quanto quanti cosa ha
        hanno sul sulla ai alle
    """,
    "portuguese": """
        os as de do da dos das é em um uma que por com para se não ao no na nos nas como mais mas foi
        são ou seu sua também pelo pela entre quando quem qual onde quantos isso este esta ser tem
    """,
    "dutch": """
        de het een en van in is dat op te zijn met voor niet aan er die door als ook bij om uit naar
        wordt worden werd heeft maar over hij ze of dan welke wie waar wanneer hoeveel wat kan deze
        dit nog tot hoe
    """,
    "swedish": """
        och att det som en på är av för med till den har de inte ett om var sig från vi men så kan när
        eller också efter vid under mot hur vad vem vilken vilket där blev ska skall hade
    """,
    "danish": """
        og at det som en på er af for med til den har de ikke et om var sig fra vi men så kan når
        eller også efter ved under mod hvor hvad hvem hvilken hvilket der blev skal havde blive
    """,
    "norwegian": """
        og at det som en på er av for med til den har de ikke et om var seg fra vi men så kan når
        eller også etter ved under mot hvor hva hvem hvilken hvilket der ble skal hadde bli
    """,
    "finnish": """
        ja on ei se että hän ovat oli mutta tai kun myös joka jotka sen kuin niin mikä kuka missä
        milloin miten ole voi olla sekä kanssa jos tämä nämä tässä siitä vain
    """,
    "hungarian": """
        az és hogy nem is egy van volt ez azt meg csak de mint már ki ha el mely vagy amely mi hol
        mikor hány milyen melyik lehet után által kell sem még
    """,
    "romanian": """
        și în de la cu pe că este nu un pentru din care sunt mai au fost sau ce fi al ale cel prin dar
        după unde când cine cât câte câți lui într să se
    """,
    "turkish": """
        ve bir bu için ile da de olarak olan daha çok en gibi kadar sonra ne ise olduğu tarafından
        nerede kim kimdi hangi nasıl kaç zaman nedir neydi mi mı değil var yok veya ya her
    """,
    "vietnamese": """
        và của là các trong được cho những với một có không người đã này khi đến từ về ở như nào ai gì
        bao nhiêu đâu
    """,
    "polish": """
        na do że się nie jest to jak po za od przez dla oraz co są był była który która kto gdzie
        kiedy ile czy
    """,
    "czech": """
        na se je že do to jako za po pro jsou by ve který která kdo kde kdy kolik byl není
    """,
    "catalan": """
        el la els les de del en un una que per amb no al és com més però són aquest quin quina
    """,
    "indonesian": """
        dan yang di dari untuk dengan pada ini itu dalam adalah tidak akan oleh atau ke sebagai apa
        siapa kapan berapa
    """,
}
#: Words that ask rather than say what about: "How does it work?", "Wie viele gibt es?". They are no subject,
#: and a document that answers need not hold them.
ASKING_WORDS = {
    "english": """
        work works happen happens mean means use used tell show explain describe give list know need want
        thing things something anything everything many much long often far old cost costs called please
    """,
    "german": """
        viele viel lange oft weit alt kostet kosten gibt heißt heißen passiert geschieht bedeutet funktioniert
        muss müssen soll sollen jeder jede bis bitte erklären zeige
    """,
    "french": """
        combien coûte coûtent appelle signifie fonctionne faut doit peut expliquer montre temps fois quoi
    """,
    "spanish": """
        cuesta cuestan llama significa funciona pasa hay debe deben cuántas explica muestra mucho
    """,
    "italian": """
        costa costano chiama significa funziona succede deve devono spiega mostra molto tempo
    """,
    "portuguese": """
        custa custam chama significa funciona acontece deve devem explique mostre muito quanto quanta
    """,
    "dutch": """
        kost kosten heet betekent werkt gebeurt moet moeten veel lang vaak leg toon
    """,
    "russian": """
        сколько стоит как что кто где когда какой какая какие почему зачем называется значит работает
        нужно можно является были был была
    """,
}
#: Words of English that are function words elsewhere: "war crimes", "no smoking". They leave English open.
ALSO_ENGLISH = frozenset(
    """
    no over under per her men man come die war met son am van hat den door plus non pro care also ten com
    """.split()
)
#: Letters and marks that few of these languages write; they tell as function words do.
LETTERS = {
    "german": "ß",
    "spanish": "ñ¿¡",
    "portuguese": "ãõ",
    "french": "œù",
    "danish": "øå",
    "norwegian": "øå",
    "swedish": "å",
    "finnish": "å",
    "italian": "ù",
    "hungarian": "őű",
    "romanian": "șțşţă",
    "turkish": "ığİş",
    "polish": "ąęłśźżń",
    "czech": "ěřů",
    "vietnamese": "ăđơưạảấầậắằẵặẻẽếềểễệịọỏốồộớờợụủứừữự",
    "catalan": "ŀù",
}
#: A text is told to be of a language by so many of its function words, each counted thrice at most …
_ENOUGH = 3
# … and by so much more of them than any other language has.
_CLEARLY = 1.3
_AT_MOST = 3
_HEADLINE = 6
#: The characters that are looked at: the beginning tells as well as the whole.
_LOOKED_AT = 1_000


def _languages(listed: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """The languages of each word or letter."""
    found: dict[str, list[str]] = {}
    for language, each in listed.items():
        for one in dict.fromkeys(each):
            found.setdefault(one, []).append(language)
    return {one: tuple(languages) for one, languages in found.items()}


_OF_WORD = _languages({language: listed.split() for language, listed in FUNCTION_WORDS.items()})
_OF_LETTER = _languages(LETTERS)


def language_of(text: str, *, enough: float = _ENOUGH) -> str | None:
    """The language of a text in Latin script, or None where it cannot be told.

    `enough` is how many of its function words are needed; one that languages share is parted among them.
    """
    ranked = _votes(text).most_common(2)
    (first, most), (_, second) = (*ranked, ("", 0.0), ("", 0.0))[:2]
    return first if most >= enough and most >= _CLEARLY * second else None


def possible_languages(text: str) -> tuple[str, ...]:
    """The languages that a short text such as a question may be in, the likeliest first.

    One function word is enough, and a word that several languages share leaves all of them open. English is
    first if it is one of them, and last if nothing but words that are English as well speaks against it.
    Empty if nothing tells.
    """
    return _possible(text, letters=True)


def _possible(text: str, *, letters: bool) -> tuple[str, ...]:
    found = _likeliest(_votes(text, letters=letters))
    if "english" in found:
        found.sort(key=lambda language: language != "english")
    elif found:
        others = _likeliest(_votes(text, letters=letters, without=ALSO_ENGLISH))
        found += ["english"] if not others or "english" in others else []
    return tuple(found)


def _likeliest(votes: Counter[str]) -> list[str]:
    ranked = votes.most_common()
    return [language for language, count in ranked if count > 0 and count * _CLEARLY > ranked[0][1]]


def may_be_english(text: str) -> bool:
    """Whether a text may be English: most of its letters are Latin, and no other language's words tell."""
    letters = [character for character in text[:_LOOKED_AT] if character.isalpha()]
    latin = sum(character < "\u0250" for character in letters)
    if latin * 2 < len(letters):
        return False
    # A letter may be a name's: "Ångström", "São Paulo", "El Niño".
    possible = _possible(text, letters=False)
    return not possible or "english" in possible


def is_asking(word: str, languages: tuple[str, ...]) -> bool:
    """Whether a word of a question in one of these languages is no subject, but a function word or asks."""
    return word.lower() in _asking(languages or ("english",))


def asking_words(languages: tuple[str, ...]) -> str:
    """The words that ask in these languages, and in Russian, whose script is enough to tell them."""
    return " ".join(ASKING_WORDS.get(language, "") for language in {*languages, "russian"})


@lru_cache(maxsize=64)
def _asking(languages: tuple[str, ...]) -> frozenset[str]:
    listed = [FUNCTION_WORDS.get(language, "") for language in languages]
    return frozenset(" ".join([*listed, asking_words(languages)]).split())


def _votes(text: str, *, letters: bool = True, without: Container[str] = ()) -> Counter[str]:
    """Each language's function words and letters in the beginning of a text; those of several are parted."""
    begun = text[:_LOOKED_AT]
    found = words(begun)
    if not begun.isupper() or len(found) < _HEADLINE:
        # "IL-6" is no article, but a headline in capitals has some.
        found = [word for word in found if not (len(word) > 1 and word.isupper())]
    begun = begun.lower()
    votes: Counter[str] = Counter()
    for word, count in Counter(map(str.lower, found)).items():
        if word not in without:
            _vote(votes, _OF_WORD.get(word, ()), min(count, _AT_MOST))
    if letters and not begun.isascii():
        for letter in _OF_LETTER.keys() & set(begun):
            _vote(votes, _OF_LETTER[letter], 1)
    return votes


def _vote(votes: Counter[str], languages: Sequence[str], count: int) -> None:
    for language in languages:
        votes[language] += count / len(languages)  # type: ignore[assignment]
