import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlance import tokenization
from parlance.errors import ConfigError, SchemaError
from parlance.tokenization.training import BYTES, ESCAPE, SPACE

KINDS = get_args(tokenization.Kind)
LOSSLESS = [kind for kind in KINDS if kind != "wordpiece"]
LEAST = {"byte_level_bpe": BYTES + 6, "sentencepiece_bpe": BYTES + 6 + 1, "unigram": BYTES + 6 + 2, "wordpiece": 6 + 5}
TEXTS = [
    "Could you reset my VPN token? It expired on 2026-10-07 and I cannot log in.",
    "  Sure, done. Please try again in 15 minutes.\n\n\tIt's the <0x41> problem, isn't it?",
    "Ich kann mich nicht anmelden: 4523646 - 67453156 = -62929510.",
    "¿Puedes ayudarme? No funciona la impresora… 🖨️",
] * 8

hostile = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [" ", "  ", SPACE, ESCAPE, "0", "1", "<0x41>", "<|user|>", "<|end|>", "\n", "\r\n", "\x00", "\u0301", "e"]
        )
    ).map("".join),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tokenizers")
    return {kind: tokenization.train(TEXTS, kind, 600, path=root / kind) for kind in KINDS}


@pytest.fixture(params=KINDS)
def folder(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Path:
    return folders[request.param]


@pytest.fixture(params=LOSSLESS)
def lossless(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Path:
    return folders[request.param]


def vocabulary(folder: Path) -> dict[str, int]:
    found = model(folder)["vocab"]
    return found if isinstance(found, dict) else {token: number for number, (token, _) in enumerate(found)}


def model(folder: Path) -> dict[str, object]:
    return json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]


@pytest.mark.parametrize("kind", LOSSLESS)
@settings(max_examples=40)
@given(texts=st.lists(hostile, max_size=20))
def test_every_text_survives(folders: dict[str, Path], kind: str, texts: list[str]) -> None:
    assert tokenization.round_trip(folders[kind], texts) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "  two  spaces  ",
        "日本語 한국어",
        "👩‍👩‍👧‍👦🇩🇪",
        "\x00\x1f\x7f",
        "\u0301",
        "\ufeff\u200b",
        "\U0010ffff",
        "a▁b",
        "\ue0000\ue0001",
    ],
)
def test_hard_texts_survive(lossless: Path, text: str) -> None:
    assert tokenization.round_trip(lossless, [text]) == []


def test_round_trip_names_what_is_lost(lossless: Path, tmp_path: Path) -> None:
    content = json.loads((lossless / "tokenizer.json").read_text(encoding="utf-8"))
    content["normalizer"] = {"type": "Lowercase"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    assert tokenization.round_trip(tmp_path, ["kept", "Lost", "kept too"]) == ["Lost"]


def test_the_same_texts_give_the_same_files(folders: dict[str, Path], tmp_path: Path) -> None:
    program = (
        f"from parlance import tokenization as t\nfor kind in {KINDS!r}: "
        f"t.train({TEXTS!r}, kind, 600, path={str(tmp_path)!r} + '/' + kind)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"PYTHONHASHSEED": "7"})
    for kind in KINDS:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            assert digest(tmp_path / kind / name) == digest(folders[kind] / name)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_texts_may_be_a_series_or_a_stream(folders: dict[str, Path], kind: str, tmp_path: Path) -> None:
    series = tokenization.train(pl.Series(TEXTS), kind, 600, path=tmp_path / "series")
    stream = tokenization.train((text for text in TEXTS), kind, 600, path=tmp_path / "stream")
    assert model(series) == model(stream) == model(folders[kind])


def test_specials_come_first_and_every_byte_has_a_token(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        found = vocabulary(folder)
        assert [found[token] for token in tokenization.SPECIAL_TOKENS] == list(range(6))
        assert sorted(found.values()) == list(range(len(found)))
    for kind in ("sentencepiece_bpe", "unigram"):
        assert {f"<0x{byte:02X}>" for byte in range(256)} <= set(vocabulary(folders[kind]))


def test_a_spelled_out_byte_is_text(folders: dict[str, Path]) -> None:
    tokenizer = folders["sentencepiece_bpe"]
    assert tokenization.digits(tokenizer, ["<0x41>"]) != [["<0x41>"]]
    assert tokenization.round_trip(tokenizer, ["<0x41>", "<0x41", " <0xE2><0x96>"]) == []


@pytest.mark.parametrize("kind", LOSSLESS)
def test_vocabulary_has_at_least_the_bytes(kind: str, tmp_path: Path) -> None:
    least = LEAST[kind]
    folder = tokenization.train(TEXTS, kind, least, path=tmp_path / "least")
    assert least - 2 < len(vocabulary(folder)) <= least
    assert tokenization.round_trip(folder, TEXTS) == []
    with pytest.raises(ConfigError, match=f"vocab_size {least - 1} is too small; {kind} needs at least {least}"):
        tokenization.train(TEXTS, kind, least - 1, path=tmp_path / "less")


@pytest.mark.parametrize("kind", LOSSLESS)
def test_vocabulary_keeps_to_its_size_with_many_characters(kind: str, tmp_path: Path) -> None:
    texts = ["".join(chr(0x4E00 + 40 * row + column) for column in range(40)) for row in range(100)]
    folder = tokenization.train(texts * 2, kind, 362, path=tmp_path)
    assert (300 if kind == "unigram" else 355) < len(vocabulary(folder)) <= 362
    assert tokenization.round_trip(folder, texts) == []


@pytest.mark.parametrize("kind", LOSSLESS)
def test_spaces_survive_a_corpus_without_any(kind: str, tmp_path: Path) -> None:
    folder = tokenization.train(["日本語", "한국어"], kind, 300, path=tmp_path)
    assert tokenization.round_trip(folder, ["日 本", "  ", " ▁ "]) == []


@pytest.mark.parametrize("kind", LOSSLESS)
def test_special_tokens_may_be_added(kind: str, tmp_path: Path) -> None:
    special = (*tokenization.SPECIAL_TOKENS, "<|tool|>")
    folder = tokenization.train(TEXTS, kind, 600, special_tokens=special, path=tmp_path)
    assert vocabulary(folder)["<|tool|>"] == 6
    assert tokenization.digits(folder, ["<|tool|>"]) == [["<|tool|>"]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("texts", [[], [""], ["", ""]], ids=["nothing", "an empty text", "empty texts"])
def test_no_text_is_refused(kind: str, texts: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no text"):
        tokenization.train(texts, kind, 600, path=tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_the_source_comes_through(kind: str, tmp_path: Path) -> None:
    def broken() -> Iterator[str]:
        yield "some text"
        raise ConfigError("the source broke")

    with pytest.raises(ConfigError, match="the source broke"):
        tokenization.train(broken(), kind, 600, path=tmp_path / "none")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"kind": "words"},
            "unknown tokenizer kind 'words'; known: byte_level_bpe, sentencepiece_bpe, unigram, wordpiece",
        ),
        ({"digits": "two"}, "unknown digits 'two'; known: groups, single"),
        ({"min_frequency": 0}, "min_frequency 0 is too small; at least 1"),
        ({"special_tokens": tokenization.SPECIAL_TOKENS[1:]}, r"lacking: \['<\|pad\|>'\]"),
        ({"special_tokens": (*tokenization.SPECIAL_TOKENS, "<|end|>")}, "must be distinct"),
        ({"special_tokens": (*tokenization.SPECIAL_TOKENS, "")}, "not empty"),
    ],
    ids=["kind", "digits", "frequency", "lacking", "repeated", "empty"],
)
def test_bad_settings_are_named(arguments: dict[str, object], message: str, tmp_path: Path) -> None:
    settings = {"kind": "byte_level_bpe", "vocab_size": 600, "path": tmp_path} | arguments
    with pytest.raises(ConfigError, match=message):
        tokenization.train(TEXTS, **settings)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    with pytest.raises(ConfigError, match="is a file; a folder is needed"):
        tokenization.train(TEXTS, "byte_level_bpe", 600, path=tmp_path / "taken")


def test_a_folder_without_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no tokenizer in .*tokenizer\.json"):
        tokenization.round_trip(tmp_path, ["text"])


def test_letters_and_digits_stay_apart(lossless: Path) -> None:
    pieces = tokenization.digits(lossless, ["4523646 - 67453156", "abc123", ""])
    assert "".join(pieces[0]) == "4523646 - 67453156"
    assert all(len(piece) <= 3 for piece in pieces[0] if piece.isdigit())
    assert not any(piece.isalnum() and not piece.isalpha() and not piece.isdigit() for piece in pieces[1])
    assert pieces[2] == []


def test_report_counts_by_hand(tmp_path: Path) -> None:
    bytewise = tokenization.train(["x"], "byte_level_bpe", LEAST["byte_level_bpe"], path=tmp_path)
    texts = pl.DataFrame({"text": ["a, bc", "dé", "日本", ""], "language": ["en", "en", "ja", None]})
    together, english, japanese, undetermined = tokenization.report(bytewise, texts).to_dicts()
    # Eight different bytes of eight have an entropy as if each occurred once: log 8 of log 262.
    assert english.pop("renyi_efficiency") == pytest.approx(math.log(8) / math.log(262))
    assert english.pop("token_tax") == 1.0
    assert japanese["token_tax"] == pytest.approx((6 / 2) / (8 / 7))
    assert english == {
        "language": "en", "documents": 2, "characters": 7, "bytes": 8, "tokens": 8, "words": 3,
        "fertility": 8 / 3, "bytes_per_token": 1.0, "unknown_rate": 0.0, "continued_word_share": 1.0,
    }  # fmt: skip
    assert (japanese["tokens"], japanese["words"], japanese["fertility"]) == (6, None, None)
    assert japanese["continued_word_share"] is None
    assert (undetermined["language"], undetermined["words"], undetermined["bytes_per_token"]) == ("und", 0, None)
    assert (together["language"], together["documents"], together["tokens"]) == ("all languages", 4, 14)
    assert (together["words"], together["fertility"]) == (3, 8 / 3)


def test_continued_words_leave_punctuation_out(folders: dict[str, Path]) -> None:
    texts = pl.DataFrame({"text": ['"Please," Please Zyzzyva'], "language": ["en"]})
    rates = tokenization.report(folders["byte_level_bpe"], texts)["continued_word_share"].to_list()
    assert rates == [1 / 3, 1 / 3]


def test_unknown_tokens_are_counted(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "known": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    texts = pl.DataFrame({"text": ["known strange known odd"], "language": ["en"]})
    assert tokenization.report(tmp_path, texts)["unknown_rate"].to_list() == [0.5, 0.5]


def test_report_of_nothing_has_its_columns(folder: Path) -> None:
    texts = pl.DataFrame(schema={"text": pl.String, "language": pl.String})
    report = tokenization.report(folder, texts)
    assert report.is_empty()
    assert report.columns[:2] == ["language", "documents"]
    assert report.schema["fertility"] == pl.Float64


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (pl.DataFrame({"text": ["a"]}), "column 'language'"),
        (pl.DataFrame({"text": [1], "language": ["en"]}), "column 'text'"),
        (pl.DataFrame({"text": ["a", None], "language": ["en", "en"]}), "1 nulls"),
    ],
    ids=["missing", "type", "null"],
)
def test_report_names_bad_columns(folder: Path, texts: pl.DataFrame, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        tokenization.report(folder, texts)


@pytest.mark.parametrize("kind", KINDS)
def test_counts_of_parts_give_what_the_text_gives(
    folders: dict[str, Path], kind: tokenization.Kind, tmp_path: Path
) -> None:
    parts = [tokenization.pretokens(TEXTS[:9]), tokenization.pretokens(TEXTS[9:])]
    settings = tokenization.Settings(kind=kind, vocab_size=600)
    folder = tokenization.train_from_counts(tokenization.merged(parts), settings, path=tmp_path)
    assert digest(folder / "tokenizer.json") == digest(folders[kind] / "tokenizer.json")


@pytest.mark.parametrize("kind", LOSSLESS)
def test_single_digits_and_a_normal_form(kind: tokenization.Kind, tmp_path: Path) -> None:
    cut = tokenization.Cut(normalisation="nfkc")
    texts = ["4523646 - 67453156 ½ \u0065\u0301tude"] * 20
    folder = tokenization.train(texts, kind, 600, digits="single", cut=cut, path=tmp_path)
    (pieces,) = tokenization.digits(folder, ["4523646 - 67453156"])
    assert [piece for piece in pieces if piece.strip().isdigit()] == list("452364667453156")
    assert tokenization.round_trip(folder, texts) == []
    assert tokenization.round_trip(folder, ["ﬁne"]) == []


def test_words_come_back_from_wordpiece_where_they_are_known(folders: dict[str, Path]) -> None:
    folder = folders["wordpiece"]
    assert tokenization.round_trip(folder, ["Could  YOU reset\nmy VPN token?"]) == []
    assert tokenization.round_trip(folder, ["日本 token"]) == ["日本 token"]
    texts = pl.DataFrame({"text": ["my token", "日本 token"], "language": ["en", "ja"]})
    rows = tokenization.round_trips(folder, [texts]).to_dicts()
    assert [(row["language"], row["changed"], row["unknown"]) for row in rows] == [("en", 0, 0), ("ja", 1, 1)]


def test_comparison_recommends_what_loses_nothing(tmp_path: Path) -> None:
    texts = pl.DataFrame({"text": TEXTS, "language": ["en", "en", "de", "es"] * 8})
    given = tokenization.train(TEXTS, "wordpiece", 300, path=tmp_path / "given")
    settings = tokenization.Settings(kind="byte_level_bpe")
    found = tokenization.compare(
        tokenization.pretokens(TEXTS), texts, settings, kinds=["byte_level_bpe", "wordpiece"], sizes=[300, 400],
        pretrained=[given],
    )  # fmt: skip
    names = ["byte_level_bpe 300", "byte_level_bpe 400", "wordpiece 300", "wordpiece 400"]
    assert found.totals["tokenizer"].to_list() == [*names, "byte_level_bpe 300 digits single", "given"]
    grouped, single = (
        found.cuts.filter(tokenizer=name)["4523646 - 67453156"].item()
        for name in (names[0], names[0] + " digits single")
    )
    assert single == "4·5·2·3·6·4·6· -· ·6·7·4·5·3·1·5·6"
    assert grouped.replace("·", "") == single.replace("·", "")
    assert len(tokenization.pictures(found)) == 3
    with pytest.raises(ConfigError, match="names of their own"):
        tokenization.compare(
            tokenization.pretokens(TEXTS), texts, settings, kinds=[], sizes=[], pretrained=[given, given]
        )


def test_the_recommendation_weighs_length_before_evenness() -> None:
    rows = [("long", 4.0, 0.5), ("even", 3.8, 0.6), ("small", 2.0, 0.9), ("lossy", 5.0, 0.95)]
    rates = pl.DataFrame(rows, schema=["tokenizer", "bytes_per_token", "renyi_efficiency"], orient="row")
    back = pl.DataFrame({"tokenizer": [row[0] for row in rows], "language": "en", "share": [1.0, 1.0, 1.0, 0.9]})
    found = tokenization.Comparison(
        rates=rates.with_columns(language=pl.lit(tokenization.ALL)), cuts=pl.DataFrame(), given_back=back
    )
    said = tokenization.recommendation(found)
    assert said.startswith("Take even: of 4 tokenizers 3 give every text back, and of the 2 among them")
    assert said.endswith("long needs the fewest (4.00 bytes a token).")
    lost = tokenization.Comparison(rates=found.rates, cuts=found.cuts, given_back=back.with_columns(share=0.5))
    assert tokenization.recommendation(lost).startswith("None of the tokenizers")
