"""Candidates from seeds to rows: what is asked in which order, what the budget lets through, what the filters leave."""

import hashlib
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import polars as pl

from parlance import schemas
from parlance.draws import position
from parlance.errors import ConfigError
from parlance.synthesis import prompts
from parlance.synthesis.budget import Budget, most_prompt_tokens
from parlance.synthesis.cache import key
from parlance.synthesis.endpoint import Answer, Endpoint, RefusedError
from parlance.synthesis.filtering import Judge, Rejection
from parlance.synthesis.settings import SynthesisSettings

KIND: Final = "synthetic"
BUDGET: Final = "budget"  # a candidate that was begun, but whose next request there was no room for
MOST_SEEDS, MOST_SEED_CHARACTERS = 10_000, 2_000
Steps = Generator[prompts.Chat, Answer, "Made | Rejection"]


class Seed(NamedTuple):
    """A real example of split train, as the model is shown it."""

    id: str
    request: str
    answer: str
    language: str | None
    raw_ids: list[str]


class Made(NamedTuple):
    """A candidate that the filters let through."""

    request: str
    answer: str


@dataclass(kw_only=True)
class Candidate:
    """One attempt: by which method from which seeds, what was asked for it and what the model said."""

    number: int
    method: str
    operations: list[str]
    seeds: list[Seed]
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    outcome: Made | Rejection | None = None


@dataclass(frozen=True, kw_only=True)
class Synthesis:
    """`rows` (SYNTHETIC) and `rejected` (SYNTHETIC_REJECTED) are together all candidates that were tried.

    `not_tried` are those that the budget left no room for; tokens and cost are of all answers, cached ones included.
    """

    rows: pl.DataFrame
    rejected: pl.DataFrame
    seeds: int
    not_tried: int
    prompt_tokens: int
    answer_tokens: int
    cost: float


def generate(examples: pl.DataFrame, endpoint: Endpoint, settings: SynthesisSettings) -> Synthesis:
    """Examples that the model behind `endpoint` writes from those of split train in `examples` (EXAMPLES).

    Those of validation and test are never shown; generated ones are compared with them, so that none comes back.
    Candidates are asked for in rounds of `parallel`; the first that the budget has no room for ends it. Raises
    ConfigError where there is no seed, and where the endpoint refuses every request of the first round.
    """
    seeds = _seeds(examples, settings.seed)
    if not seeds:
        raise ConfigError("no example of split train can be shown to a model: seeds have one question and one answer")
    budget = Budget(settings=settings)
    judge = Judge(_compared(examples, seeds), copied=settings.copied)
    tried: list[Candidate] = []
    with ThreadPoolExecutor(settings.parallel) as pool:
        for candidates in _rounds(seeds, settings):
            done = _round(candidates, endpoint, judge, budget, pool)
            _require_answers(tried, done)
            tried += done
            if len(done) < len(candidates) or any(_is_unaffordable(one) for one in done):
                break
    return Synthesis(
        rows=pl.DataFrame(list(_rows(tried, endpoint.model)), schema=pl.Schema(schemas.SYNTHETIC)),
        rejected=pl.DataFrame(list(_rejected(tried, endpoint.model)), schema=pl.Schema(schemas.SYNTHETIC_REJECTED)),
        seeds=len(seeds),
        not_tried=settings.candidates - len(tried),
        prompt_tokens=budget.prompt_tokens,
        answer_tokens=budget.answer_tokens,
        cost=budget.cost,
    )


def _seeds(examples: pl.DataFrame, seed: int) -> list[Seed]:
    """The real examples of one question that may be shown, the first by hash where there are very many."""
    real = examples.filter(pl.col("split") == "train", pl.col("kind") != KIND)
    found = [
        Seed(row["id"], request, row["messages"][-1]["content"], row["language"], row["raw_ids"])
        for row in real.select("id", "messages", "language", "raw_ids").iter_rows(named=True)
        if (request := _only_question(row["messages"]))
    ]
    return sorted(found, key=lambda one: position(seed, one.id))[:MOST_SEEDS]


def _only_question(messages: Sequence[dict[str, str]]) -> str:
    asked = [message["content"] for message in messages if message["role"] == "user"]
    return asked[0] if len(asked) == 1 and len(asked[0]) <= MOST_SEED_CHARACTERS else ""


def _compared(examples: pl.DataFrame, seeds: Sequence[Seed]) -> Iterator[tuple[str, str, str]]:
    """Id, request and answer of what nothing may copy: the seeds, and all that is held out."""
    yield from ((seed.id, seed.request, seed.answer) for seed in seeds)
    held_out = examples.filter(pl.col("split") != "train").select("id", "messages")
    for id, messages in held_out.iter_rows():
        yield id, messages[-2]["content"], messages[-1]["content"]


def _rounds(seeds: Sequence[Seed], settings: SynthesisSettings) -> Iterator[list[Candidate]]:
    for start in range(0, settings.candidates, settings.parallel):
        numbers = range(start, min(start + settings.parallel, settings.candidates))
        yield [_planned(number, seeds, settings) for number in numbers]


def _planned(number: int, seeds: Sequence[Seed], settings: SynthesisSettings) -> Candidate:
    """Which method, seeds and rewritings candidate `number` has; depends on nothing but seed and number."""
    method = settings.methods[number % len(settings.methods)]
    shown = settings.shown if method == "self_instruct" else 1
    places = sorted(range(len(seeds)), key=lambda place: position(settings.seed, number, seeds[place].id))[:shown]
    names = list(prompts.OPERATIONS)
    steps = range(settings.evolutions if method == "evol_instruct" else 0)
    operations = [names[int(position(settings.seed, number, step, method) * len(names))] for step in steps]
    return Candidate(number=number, method=method, operations=operations, seeds=[seeds[place] for place in places])


def _steps(candidate: Candidate, judge: Judge) -> Steps:
    """Yields what to ask, is sent what the model said, returns the example or why there is none."""
    seeds = {seed.id: seed.request for seed in candidate.seeds}
    request = candidate.seeds[0].request
    for operation in candidate.operations or [""]:
        asked = prompts.evolved_request(request, operation) if operation else prompts.new_request(list(seeds.values()))
        said = yield asked
        if rejection := judge.request(said, seeds=seeds, evolved=bool(operation)):
            return rejection
        request = said.text.strip()
    said = yield prompts.answer(request)
    return judge.answer(said, request=request) or Made(request, said.text.strip())


def _round(
    candidates: Sequence[Candidate], endpoint: Endpoint, judge: Judge, budget: Budget, pool: ThreadPoolExecutor
) -> list[Candidate]:
    """The candidates that the budget had room to begin, with their outcomes; asked side by side, judged in order."""
    running = [(candidate, _steps(candidate, judge)) for candidate in candidates]
    waiting = [(candidate, steps, next(steps)) for candidate, steps in running]
    begun: list[Candidate] | None = None
    while waiting:
        affordable = _affordable([asked for _, _, asked in waiting], budget)
        for candidate, _, _ in waiting[affordable:] if begun is not None else []:
            candidate.outcome = Rejection(BUDGET, f"{budget.tokens} tokens used")
        waiting = waiting[:affordable]
        begun = [candidate for candidate, _, _ in waiting] if begun is None else begun
        asking = [(asked, _parameters(candidate, budget.settings)) for candidate, _, asked in waiting]
        said = list(pool.map(lambda one: _asked(endpoint, *one), asking))
        for (candidate, _, asked), (_, parameters), answer in zip(waiting, asking, said, strict=True):
            candidate.requests.append(key(endpoint.model, asked, parameters))
            if isinstance(answer, Answer):
                budget.spend(answer)
                candidate.said.append(answer.text.strip())
        waiting = [
            (candidate, steps, following)
            for (candidate, steps, _), answer in zip(waiting, said, strict=True)
            if (following := _next(candidate, steps, answer, judge))
        ]
    return begun or []


def _is_unaffordable(candidate: Candidate) -> bool:
    return isinstance(candidate.outcome, Rejection) and candidate.outcome.reason == BUDGET


def _affordable(asked: Sequence[prompts.Chat], budget: Budget) -> int:
    """How many of the requests, from the first on, fit in what is left."""
    sizes = [most_prompt_tokens(messages) for messages in asked]
    most = budget.settings.most_answer_tokens
    return max(count for count in range(len(sizes) + 1) if not count or budget.has_room(sizes[:count], answers=most))


def _parameters(candidate: Candidate, settings: SynthesisSettings) -> dict[str, Any]:
    """A seed of its own for each candidate: else the same prompt would have the same answer."""
    seed = int(position(settings.seed, candidate.number, len(candidate.requests)) * 2**31)
    return {"temperature": settings.temperature, "max_tokens": settings.most_answer_tokens, "seed": seed}


def _asked(endpoint: Endpoint, messages: prompts.Chat, parameters: dict[str, Any]) -> Answer | RefusedError:
    try:
        return endpoint.answer(messages, parameters)
    except RefusedError as error:
        return error


def _next(candidate: Candidate, steps: Steps, answer: Answer | RefusedError, judge: Judge) -> prompts.Chat | None:
    """What to ask next; null where the candidate has its outcome."""
    if isinstance(answer, RefusedError):
        candidate.outcome = Rejection("refused_by_endpoint", str(answer)[:300])
        return None
    try:
        return steps.send(answer)
    except StopIteration as stopped:
        candidate.outcome = stopped.value
    if isinstance(candidate.outcome, Made):
        judge.accept(_id(candidate.outcome), *candidate.outcome)
    return None


def _require_answers(tried: Sequence[Candidate], done: Sequence[Candidate]) -> None:
    refusals = [one.outcome for one in done if isinstance(one.outcome, Rejection) and not one.said]
    if done and not tried and len(refusals) == len(done):
        raise ConfigError(f"the endpoint refuses every request: {refusals[0].detail}")


def _rows(tried: Sequence[Candidate], model: str) -> Iterator[dict[str, Any]]:
    for one in tried:
        if isinstance(one.outcome, Made):
            request, answer = one.outcome
            id = _id(one.outcome)
            yield {
                "id": id,
                "document_id": id,
                "split": "train",
                "instruction": request,
                "input": "",
                "output": answer,
                "kind": KIND,
                "messages": [{"role": "user", "content": request}, {"role": "assistant", "content": answer}],
                "source": KIND,
                "quality_reasons": [],
                "alternatives": [],
                "asks": [],
                "answers": [],
                "thanked": False,
                "unsure": 0,
                "raw_ids": list(dict.fromkeys(raw_id for seed in one.seeds for raw_id in seed.raw_ids)),
                "language": one.seeds[0].language,
                "method": one.method,
                "operations": one.operations,
                "model": model,
                "prompt_version": prompts.VERSION,
                "seed_ids": [seed.id for seed in one.seeds],
                "requests": one.requests,
            }


def _rejected(tried: Sequence[Candidate], model: str) -> Iterator[dict[str, Any]]:
    for one in tried:
        if isinstance(one.outcome, Rejection):
            answered = len(one.said) > max(len(one.operations), 1)
            yield {
                "id": f"{one.method}-{one.number}",
                "method": one.method,
                "operations": one.operations,
                "reason": one.outcome.reason,
                "detail": one.outcome.detail,
                "instruction": (one.said[-2] if answered else one.said[-1]) if one.said else "",
                "output": one.said[-1] if answered else "",
                "model": model,
                "prompt_version": prompts.VERSION,
                "seed_ids": [seed.id for seed in one.seeds],
            }


def _id(made: Made) -> str:
    return hashlib.blake2b("\x1f".join(made).encode(), digest_size=16).hexdigest()
