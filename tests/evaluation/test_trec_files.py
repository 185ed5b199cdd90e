"""Data sets in TREC's files: SGML and XML, tabbed files, compressed ones, diversity judgements."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.evaluation import trec
from orchestrator.evaluation.datasets import Dataset

DOCUMENTS = """<DOC>
<DOCNO> FT-1 </DOCNO>
<HEADLINE>Cats &amp; mats</HEADLINE>
<TEXT>
<P>The cat sat.</P>
On the mat.
</TEXT>
</DOC>
<DOC>
<DOCNO>FT-2</DOCNO>
<TEXT>Dogs.</TEXT>
</DOC>
"""
TOPICS = """<top>
<num> Number: 301
<title> cats on mats

<desc> Description:
Where do cats sit?
</top>
<top>
<num> Number: 302
<title> Topic: dogs
<desc> Description:
Which dogs?
</top>
"""
XML = """<topics>
<topic number="1"><query>coronavirus origin</query><question>where does it <b>come</b> from</question></topic>
</topics>"""


def read(tmp_path: Path, corpus: str, topics: str, qrels: str, **named: str) -> Dataset:
    """A data set of these texts; a key of `named` that is a file's suffix names the file so."""
    files = {
        "corpus": tmp_path / f"corpus{named.pop('corpus_suffix', '.trec')}",
        "topics": tmp_path / f"topics{named.pop('topics_suffix', '.txt')}",
        "qrels": tmp_path / "qrels.txt",
    }
    for key, text in (("corpus", corpus), ("topics", topics), ("qrels", qrels)):
        write = gzip.open if files[key].suffix == ".gz" else open
        with write(files[key], "wt", encoding="utf-8") as file:
            file.write(text)
    return trec(**files, **named)  # type: ignore[arg-type]


def test_sgml_documents_and_topics(tmp_path: Path) -> None:
    data = read(tmp_path, DOCUMENTS, TOPICS, "301 0 FT-1 1\n302 0 FT-2 2\n")
    assert list(data.corpus.records()) == [
        ("FT-1", "Cats & mats", "The cat sat. On the mat."),
        ("FT-2", "", "Dogs."),
    ]
    assert data.queries == {"301": "cats on mats", "302": "dogs"}
    assert data.qrels == {"301": {"FT-1": 1}, "302": {"FT-2": 2}}
    assert data.name == "qrels"


def test_another_part_of_the_topic_can_be_asked(tmp_path: Path) -> None:
    data = read(tmp_path, DOCUMENTS, TOPICS, "301 0 FT-1 1\n", field="desc")
    assert data.queries == {"301": "Where do cats sit?"}


def test_xml_topics_call_their_title_a_query(tmp_path: Path) -> None:
    data = read(tmp_path, DOCUMENTS, XML, "1 0 FT-1 1\n")
    assert data.queries == {"1": "coronavirus origin"}
    data = read(tmp_path, DOCUMENTS, XML, "1 0 FT-1 1\n", field="question")
    assert data.queries == {"1": "where does it come from"}


def test_tabbed_files_keep_tabs_that_belong_to_the_text(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        "a\tone\nb\ttitle\ttwo\tthree\n",
        "1\twhat\tis this\n",
        "1\t0\tb\t1\n",
        corpus_suffix=".tsv",
        topics_suffix=".tsv",
    )
    assert list(data.corpus.records()) == [("a", "", "one"), ("b", "title", "two\tthree")]
    assert data.queries == {"1": "what\tis this"}


def test_compressed_files(tmp_path: Path) -> None:
    data = read(
        tmp_path,
        '{"_id": "a", "text": "one"}\n',
        "1\tone\n",
        "1 0 a 1\n",
        corpus_suffix=".jsonl.gz",
        topics_suffix=".tsv.gz",
    )
    assert data.queries == {"1": "one"}
    assert data.corpus.ids == {"a"}


def test_diversity_judgements(tmp_path: Path) -> None:
    (tmp_path / "aspects.txt").write_text("301 1 FT-1 1\n301 2 FT-2 1\n")
    data = read(
        tmp_path, DOCUMENTS, TOPICS, "301 0 FT-1 1\n301 0 FT-2 1\n", aspects=str(tmp_path / "aspects.txt")
    )
    assert data.aspects == {"301": {"1": {"FT-1": 1}, "2": {"FT-2": 1}}}


@pytest.mark.parametrize(
    ("corpus", "topics", "qrels", "message"),
    [
        ("<DOC>\n<TEXT>a</TEXT>\n</DOC>\n", TOPICS, "301 0 FT-1 1\n", "ends a document that has no <DOCNO>"),
        (DOCUMENTS, "<top><title> a </top>", "301 0 FT-1 1\n", "a topic has no <num>"),
        (DOCUMENTS, "<topics>", "301 0 FT-1 1\n", "has no topics that can be read"),
        (DOCUMENTS, "<topics></topics>", "301 0 FT-1 1\n", "has no topics"),
        (DOCUMENTS, '<t><topic number="1"/></t>', "301 0 FT-1 1\n", "a topic has no <title>"),
        (
            DOCUMENTS,
            '<!DOCTYPE x [<!ENTITY a "b">]><t><topic number="1"><query>&a;</query></topic></t>',
            "1 0 FT-1 1\n",
            "has no topics that can be read",
        ),
        (DOCUMENTS, TOPICS, "301 0 FT-1 yes\n301 0 FT-1 yes\n", "has the grade 'yes'"),
        (DOCUMENTS, TOPICS, "301 0 a b c 1\n", "has 6 fields"),
        ("", TOPICS, "301 0 FT-1 1\n", "its corpus has no documents"),
    ],
)
def test_files_that_are_none_are_refused(
    tmp_path: Path, corpus: str, topics: str, qrels: str, message: str
) -> None:
    with pytest.raises(BadInput) as raised:
        read(tmp_path, corpus, topics, qrels)
    assert message in str(raised.value)


def test_a_file_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no file"):
        trec(corpus=tmp_path / "none.tsv", topics=tmp_path / "none.tsv", qrels=tmp_path / "none.txt")
    (tmp_path / "broken.tsv.gz").write_bytes(b"no gzip")
    with pytest.raises(BadInput, match="cannot be read"):
        trec(corpus=tmp_path / "broken.tsv.gz", topics=tmp_path / "none.tsv", qrels=tmp_path / "none.txt")


def test_a_collection_may_be_a_folder_of_files(tmp_path: Path) -> None:
    half = DOCUMENTS.index("<DOC>", 1)
    (tmp_path / "disk" / "ft").mkdir(parents=True)
    (tmp_path / "disk" / "b.trec").write_text(DOCUMENTS[:half])
    (tmp_path / "disk" / "ft" / "a.trec").write_text(DOCUMENTS[half:])
    (tmp_path / "disk" / ".hidden").write_text("<DOC>\n<DOCNO>no</DOCNO>\n</DOC>\n")
    (tmp_path / "disk" / "topics.tsv").write_text("301\tcats on mats\n")
    (tmp_path / "disk" / "qrels.txt").write_text("301 0 FT-1 1\n")
    data = trec(
        corpus=tmp_path / "disk",
        topics=tmp_path / "disk" / "topics.tsv",
        qrels=tmp_path / "disk" / "qrels.txt",
    )
    assert [record.id for record in data.corpus.records()] == ["FT-1", "FT-2"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="has no files"):
        trec(
            corpus=tmp_path / "empty",
            topics=tmp_path / "disk" / "topics.tsv",
            qrels=tmp_path / "disk" / "qrels.txt",
        )
    with pytest.raises(BadInput, match="is a folder"):
        trec(corpus=tmp_path / "disk", topics=tmp_path / "disk" / "topics.tsv", qrels=tmp_path / "empty")
