"""Pre-tokens by day, tokenizers, their comparison and token shards through Dagster, over two lanes."""

import re
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.lanes import lane_assets
from assets.tokenizers import KINDS, tokenizer_assets, tokenizer_checks
from orchestration.lanes import lanes
from orchestration.lanes.slack import lane_from
from parlance import schemas, tokenization
from parlance.lake import Lake
from parlance.stages import tokenizers as stages
from parlance.storage import record_batches
from resources.lake import LakeResource

DAYS = ["2026-10-05", "2026-10-06"]
SLACK = {
    "2026-10-05": [("a", "Is the printer jammed? It was on 2026-10-04.", "en"), ("b", "Der Drucker klemmt.", "de")],
    "2026-10-06": [("c", "The printer works: 4523646 - 67453156.", "en"), ("d", "テスト", None)],
}
PAGES = {"pages": [("p", "The printer of the office prints. " * 5, "en")]}


def kept(lake: Lake, lane: str, documents: dict[str, list[tuple[str, str, str | None]]]) -> None:
    rows = [
        {
            "id": id, "source": lane, "text": text, "raw_ids": [], "language": language, "masked": 0,
            "removed_lines": 0, "removed_characters": 0, "partition": partition,
        }
        for partition, listed in documents.items() for id, text, language in listed
    ]  # fmt: skip
    types = pl.DataFrame(schema=pl.DataFrame(schemas.KEPT.empty_table()).schema).schema
    frame = pl.DataFrame([{name: row.get(name) for name in types} for row in rows], schema=types)
    lake.table(f"{lane}/kept").replace(record_batches(frame, schemas.KEPT), list(documents))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(root=str(tmp_path / "lake"))
    kept(lake, "slack", SLACK)
    kept(lake, "dump", PAGES)
    stages.write_pretokens(lake, "dump", tokenization.Cut(), ["pages"])
    stages.write_pretokens(lake, "slack", tokenization.Cut(), DAYS)
    return lake


def materialized(lake: Lake, *names: str, config: dict[str, object] | None = None) -> dg.ExecuteInProcessResult:
    every = list(lanes().values())
    ops = {f"tokenizers__{name}": {"config": config or {"vocab_size": 400}} for name in names}
    return dg.materialize(
        [*tokenizer_assets(every), *tokenizer_checks(every)],
        resources={"lake": LakeResource(root=lake.root)},
        selection=[dg.AssetKey(["tokenizers", name]) for name in names],
        run_config={"ops": ops},
        raise_on_error=False,
    )


def test_a_day_adds_its_counts(lake: Lake) -> None:
    before = lake.table("slack/pretokens").scan(DAYS[:1]).collect()
    key = dg.AssetKey(["slack", "pretokens"])
    (pretokens,) = [one for one in lane_assets(lane_from(DAYS[0])) if key in one.keys]
    kept(lake, "slack", {DAYS[1]: SLACK[DAYS[1]] + [("e", "The printer is new.", "en")]})
    result = dg.materialize(
        [pretokens], partition_key=DAYS[1], resources={"lake": LakeResource(root=lake.root)}, selection=[key]
    )
    (event,) = result.asset_materializations_for_node("slack__pretokens")
    assert "printer" in event.metadata["most_frequent"].value
    assert lake.table("slack/pretokens").scan(DAYS[:1]).collect().equals(before)
    counts, scale = stages.merged_counts(lake, ["slack", "dump"], tokenization.Cut())
    texts = [text for rows in (*SLACK.values(), *PAGES.values()) for _, text, _ in rows] + ["The printer is new."]
    assert scale == 1
    assert counts.equals(tokenization.pretokens(texts))


def test_weights_multiply_counts(lake: Lake) -> None:
    counts, scale = stages.merged_counts(
        lake, ["slack", "dump"], tokenization.Cut(), sources={"dump": 0.5}, languages={"en": 2, "de": 0}
    )
    found = dict(counts.iter_rows())
    assert scale == 1000
    assert found[" printer"] == 2 * 1000 + 2 * 1000 + 5 * 1000
    assert " Drucker" not in found
    assert found["テスト"] == 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sources": {"mail": 2}}, "unknown sources"),
        ({"languages": {"en": -1}}, "below zero"),
        ({"cut": tokenization.Cut(pattern="gpt2")}, "counted with cut 'llama3', not 'gpt2'"),
    ],
    ids=["source", "negative", "cut"],
)
def test_bad_weights_and_other_cuts_are_named(lake: Lake, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(Exception, match=message):
        stages.merged_counts(lake, ["slack", "dump"], **{"cut": tokenization.Cut()} | arguments)


def test_every_kind_is_trained_and_gives_its_texts_back(lake: Lake) -> None:
    result = materialized(lake, *KINDS)
    assert result.success
    checks = result.get_asset_check_evaluations()
    assert {check.asset_key.path[-1] for check in checks if check.passed} == set(KINDS)
    for kind in KINDS:
        (event,) = result.asset_materializations_for_node(f"tokenizers__{kind}")
        assert event.metadata["fertility"].value > 0
        assert "4523646 - 67453156" in event.metadata["numbers"].value
        folder = lake.files.folder(f"tokenizers/{kind}")
        text = "the printer" if kind == "wordpiece" else "The  printer 🖨️"
        assert tokenization.round_trip(folder, [text]) == []
    made = lake.files.folder("tokenizers/unigram")
    assert materialized(lake, "unigram").success
    assert lake.files.folder("tokenizers/unigram") == made


def test_the_comparison_says_what_to_take(lake: Lake) -> None:
    result = materialized(lake, "comparison", config={"vocab_sizes": [300, 350]})
    assert result.success
    (event,) = result.asset_materializations_for_node("tokenizers__comparison")
    said = event.metadata
    assert re.match(r"Take \w+ \d+( digits single)?: of 9 tokenizers \d+ give every", said["recommendation"].value)
    assert "byte_level_bpe 300 digits single" in said["numbers"].value.replace("\\", "")
    assert said["pictures"].value.count("image/svg") == 3
    assert "und" in said["languages"].value


def test_tokens_are_in_their_shards(lake: Lake) -> None:
    assert materialized(lake, "byte_level_bpe").success
    result = materialized(lake, "token_shards", config={"seed": 7})
    assert result.success
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]
    (event,) = result.asset_materializations_for_node("tokenizers__token_shards")
    assert event.metadata["documents"].value == 5
    assert "slack" in event.metadata["tokens_by_source"].value
