"""The contract of every table as a check. Checks of one stage share a step, since a process costs more than a check."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import polars as pl

from assets import metadata
from assets.lanes import Lane
from parlance.contracts import Contract, contract_of
from parlance.lake import TABLES
from parlance.monitoring.checking import Breach, Checked, check
from resources.lake import LakeResource

NAME = "rows_keep_their_contract"
SAID = 3
# The tables of a lane by stage: a stage is checked when all of it is there, and what comes next waits for it.
STAGES = {
    "arrived": ("raw", "documents", "rejected"),
    "measured": ("signals",),
    "decided": ("kept", "dropped"),
    "read": ("utterances", "embeddings", "pretokens", "vitals"),
}
# Tables that are written beside another asset's own.
BESIDE = {
    "corpus/duplicate_index": "corpus/duplicates",
    "corpus/weak_labels": "corpus/labelling_functions",
    "corpus/profile_fits": "corpus/profiles",
    "corpus/speech_act_transitions": "corpus/speech_acts",
    "corpus/speech_act_examples": "corpus/speech_acts",
    "corpus/annotation_items": "corpus/annotation_batch",
    "corpus/annotation_files": "corpus/annotations",
    "instruct/passed_over": "instruct/examples",
    "instruct/synthetic_rejected": "instruct/synthetic",
    "instruct/profile_shortfalls": "instruct/profile_sample",
}


def contract_checks(lanes: Sequence[Lane]) -> list[dg.AssetChecksDefinition]:
    """One check for each table that has a contract, of the lanes and of the corpus."""
    names = [lane.name for lane in lanes]
    found = []
    for lane in lanes:
        for stage, tables in STAGES.items():
            whole = [f"{lane.name}/{table}" for table in tables]
            if stage == "arrived" and lane.grouped:
                whole.append(f"{lane.name}/messages")
            found.append(_step(f"{lane.name}_{stage}", whole, names))
    of_corpus = [table for table in TABLES if contract_of(table) is not None and table not in ("slack/messages",)]
    by_asset: dict[str, list[str]] = {}
    for table in of_corpus:
        by_asset.setdefault(BESIDE.get(table, table), []).append(table)
    gates = {asset: tables for asset, tables in by_asset.items() if any(map(_blocks, tables))}
    found += [_step(asset.replace("/", "_"), tables, names) for asset, tables in gates.items()]
    rest = [table for asset, tables in by_asset.items() if asset not in gates for table in tables]
    return [*found, _step("corpus", rest, names)]


def _blocks(table: str) -> bool:
    contract = contract_of(table)
    return contract is not None and contract.blocking


def _step(stage: str, tables: Sequence[str], lanes: Sequence[str]) -> dg.AssetChecksDefinition:
    checked = {key: (table, contract) for table in tables if (contract := contract_of(table)) for key in [_key(table)]}

    @dg.multi_asset_check(
        name=f"contracts__{stage}",
        specs=[_spec(key, table, contract) for key, (table, contract) in checked.items()],
        can_subset=True,
    )
    def contracts(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> Iterator[dg.AssetCheckResult]:
        opened, keys = lake.open(), _partitions(context)
        for key, (table, contract) in checked.items():
            if key in context.selected_asset_check_keys:
                partitions = keys if "partition" in opened.table(table).schema.names else None
                yield _result(key, check(opened, table, contract, partitions, lanes=lanes))

    return contracts


def _key(table: str) -> dg.AssetCheckKey:
    """The check of a table stands at its asset; of one that is written beside another it says its name."""
    asset = BESIDE.get(table, table)
    name = NAME if asset == table else f"{table.rpartition('/')[2]}_{NAME}"
    return dg.AssetCheckKey(dg.AssetKey(asset.split("/")), name)


def _spec(key: dg.AssetCheckKey, table: str, contract: Contract) -> dg.AssetCheckSpec:
    sentences = [f"no two rows have the same {' and '.join(contract.key)}"] if contract.key else []
    sentences += [f"{one.column} stands in {' or '.join(one.to)}" for one in contract.references]
    said = "\n".join(f"- {sentence}" for sentence in [*contract.rules, *sentences])
    return dg.AssetCheckSpec(
        key.name, asset=key.asset_key, blocking=contract.blocking, description=f"Of every row of `{table}`:\n\n{said}"
    )


def _partitions(context: dg.AssetCheckExecutionContext) -> list[str] | None:
    """Those of the run; null, which is all, where it has none."""
    run = context.op_execution_context
    return list(run.partition_keys) if run.has_partition_key or run.has_partition_key_range else None


def _result(key: dg.AssetCheckKey, found: Checked) -> dg.AssetCheckResult:
    shown: Mapping[str, object] = {"rows": found.rows, "sentences": found.sentences}
    if not found.breaches:
        said = f"{found.rows:,} rows keep {found.sentences} sentences"
        return dg.AssetCheckResult(passed=True, check_name=key.name, asset_key=key.asset_key, description=said)
    rows = [{"sentence": one.sentence, "rows": one.rows, "such as": ", ".join(one.named)} for one in found.breaches]
    return dg.AssetCheckResult(
        passed=False,
        check_name=key.name,
        asset_key=key.asset_key,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(_said(one, found.rows) for one in found.breaches[:SAID]),
        metadata={**shown, "broken": metadata.table_of(pl.DataFrame(rows))},
    )


def _said(breach: Breach, rows: int) -> str:
    named = ", ".join(breach.named)
    return f"{breach.rows:,} of {rows:,} rows break '{breach.sentence}': {named}"
