"""A request is its messages: replay, parity and a live router decide each alike, or say why not."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from routelab import learning
from routelab.core.conversation import READS, kinds_of, message_text, read_messages
from routelab.logs import TextsInMemory, read
from routelab.policies import Conditional, Fixed, Utility, to_wire
from routelab.policies.conditional import Rule
from routelab.policies.match import Match
from routelab.policy_file import Document, load, write
from routelab.replay import decide, run
from routelab.replay_server import background, pointed_at, prove_parity
from routelab.runtime import AsyncRouter, RequestOptions, RouterConfig
from routelab.tuning import Options, save, tune

MODELS = ("small-8b", "medium-70b", "frontier")
SYSTEM = {"role": "system", "content": "You are the support assistant of a shop. Be brief. " * 6}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.fixture(scope="module")
def plain(sample_log):
    """Prompts alone, of a few hundred requests on which no call failed."""
    log = sample_log.only(MODELS)
    return log.take(np.flatnonzero(~log.error.any(axis=1))[:900])


@pytest.fixture(scope="module")
def talks(plain):
    """The same requests as production sends them: most with turns and a system text before."""
    rows = np.arange(len(plain))
    prompts, answers = plain.texts.prompts(rows), plain.texts.responses(rows, "frontier")
    said = []
    for row, prompt in enumerate(prompts):
        before = [(row * 7 + 13 * back) % len(prompts) for back in range(row % 4)]
        talk = [SYSTEM] if row % 5 else []
        for earlier in before:
            talk.append({"role": "user", "content": prompts[earlier]})
            talk.append({"role": "assistant", "content": answers[earlier] or "..."})
        content = [{"type": "text", "text": prompt}, IMAGE] if row % 11 == 0 else prompt
        said.append((*talk, {"role": "user", "content": content}))
    held = {name: plain.texts.responses(rows, name) for name in MODELS}
    return replace(plain, texts=TextsInMemory(said, held), path=None)


def tuned(log, path, reads="user_turns"):
    """A policy that learned from the log, and asks each model on many requests."""
    fitted = learning.fit(replace(log, reads=reads), target="quality", models=MODELS)
    costs = tuple(float(it) for it in log.cost_usd.mean(axis=0))
    policy = Utility(MODELS, "quality", costs=costs, cost_weight=30.0)
    document = Document(
        name="mine",
        policy=to_wire(policy),
        candidates=MODELS,
        catalogue=log.catalogue.only(MODELS),
        scorers=fitted.scorers,
        features=fitted.features,
        provenance={"log_sha256": log.sha256},
        reads=reads,
        message_kinds=tuple(sorted(log.message_kinds)),
    )
    return write(path, document, "# mine\n", fitted.tensors)


@pytest.fixture(scope="module", params=["last_turn", "user_turns", "conversation+system"])
def learned(request, talks, tmp_path_factory):
    """A policy that learned to read messages in one of the ways."""
    path = tmp_path_factory.mktemp("messages") / "x.policy"
    return tuned(talks, path, request.param), talks


@pytest.fixture(scope="module")
def of_prompts(plain, tmp_path_factory):
    return tuned(plain, tmp_path_factory.mktemp("prompts") / "x.policy")


@pytest.fixture
def warned(caplog):
    caplog.set_level(logging.WARNING, "routelab")
    return caplog


def replayed(policy_file, log, row):
    it = policy_file.document
    scoring = policy_file.scoring
    return decide(policy_file.policy, log, row, catalogue=it.catalogue, scoring=scoring)


def routed(policy_file, log, rows, said, *, ids=True):
    """Decisions of a live router, whose models are the log behind a server."""

    async def ask(url):
        at = pointed_at(url, log.models, log.catalogue)
        config = RouterConfig(signals={})
        async with AsyncRouter(policy_file, at, config) as router:
            for row in rows:
                options = RequestOptions.of(log.requests.request(row))
                options = options if ids else options.changed(id=None)
                yield (await router.route(said[row], options)).decision
            metrics.append(await router.snapshot())

    async def every(url):
        return [it async for it in ask(url)]

    metrics = []
    with background(log) as url:
        found = asyncio.run(every(url))
    return found, metrics[0]


def way(decision):
    return decision.models, decision.answer.model


def test_replay_parity_and_a_live_router_decide_every_request_alike(learned):
    policy_file, log = learned
    rows = np.arange(200)
    part = log.take(rows)
    said = part.texts.messages(rows)
    assert sum(len(kinds_of(it)) > 1 for it in said) > 100
    proof = prove_parity(policy_file, part)
    assert (proof.n, proof.same, proof.holds) == (200, 200, True)
    one = [way(replayed(policy_file, part, row)) for row in rows]
    whole = run(policy_file.policy, part, scoring=policy_file.scoring)
    live, _ = routed(policy_file, part, rows.tolist(), said)
    assert [way(it) for it in live] == one
    assert [part.models[at] for at in whole.answered] == [model for _, model in one]
    assert len({model for _, model in one}) > 1


def test_what_is_read_is_what_decides(learned):
    policy_file, log = learned
    reads = policy_file.document.reads
    rows = np.arange(300)
    texts = [message_text(read_messages(it, reads)) for it in log.texts.messages(rows)]
    alone = replace(log.take(rows), texts=TextsInMemory(texts))
    one = [way(replayed(policy_file, log, row)) for row in rows]
    told = [way(replayed(policy_file, alone, row)) for row in rows]
    same = np.mean([mine == other for mine, other in zip(one, told, strict=True)])
    assert same > 0.8  # apart from the numbers of turns and attachments the text says it all


def test_the_ways_of_reading_differ_on_such_a_log(learned, talks):
    policy_file, log = learned
    other = "conversation+system" if policy_file.document.reads != READS[-1] else "last_turn"
    document = msgspec.structs.replace(policy_file.document, reads=other)
    swapped = replace(policy_file, document=document, scoring=reread(policy_file, other))
    rows = range(300)
    mine = [way(replayed(policy_file, log, row)) for row in rows]
    assert mine != [way(replayed(swapped, log, row)) for row in rows]


def reread(policy_file, reads):
    from routelab.scorers import load_scorers

    it = policy_file.document
    return load_scorers(it.features, it.scorers, policy_file.tensors, reads=reads)


def test_a_constant_system_prompt_changes_no_decision_by_default(of_prompts, plain, warned):
    rows = [*range(600, 800)]
    said = plain.texts.prompts(np.arange(len(plain)))
    with_system = [[SYSTEM, {"role": "user", "content": prompt}] for prompt in said]
    live, metrics = routed(of_prompts, plain, rows, with_system)
    expected = [way(replayed(of_prompts, plain, row)) for row in rows]
    assert [way(it) for it in live] == expected
    assert warned.messages == []
    assert metrics.unlike == {}
    found, _ = routed(of_prompts, plain, rows[:40], with_system, ids=False)
    assert [way(it) for it in found] == expected[:40]


def test_requests_unlike_the_log_are_told_once_and_counted(of_prompts, plain, warned):
    prompt = plain.texts.prompts(np.array([0]))[0]
    user = {"role": "user", "content": prompt}
    picture = {"role": "user", "content": [{"type": "text", "text": prompt}, IMAGE]}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    tools = [
        *(user, {"role": "assistant", "content": None, "tool_calls": [call]}),
        *({"role": "tool", "tool_call_id": "c", "content": "x"}, user),
    ]
    said = [[user], [picture], tools, [picture]]
    _, metrics = routed(of_prompts, plain.take(np.zeros(4, int)), range(4), said, ids=False)
    assert metrics.unlike == {"image": 2, "tools": 1, "several turns": 1}
    kinds = [it for it in warned.messages if "those of the log it was tuned on held none" in it]
    assert len(kinds) == 3
    assert "hold image" in kinds[0]


def test_a_role_that_no_log_takes_is_told_once_whatever_the_policy(plain, tmp_path, warned):
    document = Document(
        name="x", policy=to_wire(Fixed("frontier")), candidates=("frontier",),
        catalogue=plain.catalogue.only(("frontier",)),
    )  # fmt: skip
    made = write(tmp_path / "x.policy", document, "# x\n")
    prompt = plain.texts.prompts(np.array([0]))[0]
    said = [[{"role": "critic", "content": "hm"}, {"role": "user", "content": prompt}]] * 2
    _, metrics = routed(made, plain.take(np.zeros(2, int)), range(2), said, ids=False)
    assert metrics.unlike == {"unknown roles": 2}
    (told,) = warned.messages
    assert "hold unknown roles" in told
    assert "known are system, developer, user" in told


def as_of_010(policy_file, path):
    """The policy as version 0.1.0 wrote it: without a word of what it reads."""
    document = policy_file.document
    old = msgspec.structs.replace(document, reads=msgspec.UNSET, message_kinds=msgspec.UNSET)
    return write(path, old, "# old\n", policy_file.tensors)


def test_a_file_without_reads_looks_at_all_messages_as_010_did(of_prompts, plain, tmp_path, warned):
    old = as_of_010(of_prompts, tmp_path / "old.policy")
    assert b'"reads"' not in (old.path / "policy.json").read_bytes()
    assert old.scoring.reads is None
    rows = range(100)
    said = plain.texts.prompts(np.arange(len(plain)))
    live, _ = routed(old, plain, rows, said)
    assert [way(it) for it in live] == [way(replayed(old, plain, row)) for row in rows]
    assert warned.messages == []
    with_system = [[SYSTEM, {"role": "user", "content": prompt}] for prompt in said]
    live, metrics = routed(old, plain, rows, with_system)
    assert [way(it) for it in live] != [way(replayed(old, plain, row)) for row in rows]
    (told,) = [it for it in warned.messages if "system text" in it]
    assert "looks at the whole conversation, system text included" in told
    assert metrics.unlike == {"system text": 100}
    proof = prove_parity(old, plain.take(np.arange(40)))
    assert proof.holds
    assert any("production decides requests with them otherwise" in it for it in proof.doubts)
    # a log of messages knows what production sends, and the file decides them alike
    texts = TextsInMemory(with_system, {name: [None] * len(plain) for name in MODELS})
    proof = prove_parity(old, replace(plain, texts=texts).take(np.arange(40)))
    assert proof.holds
    assert any("hold system text" in it for it in proof.doubts)


@pytest.mark.parametrize("reads", [None, *READS])
def test_rules_on_the_length_of_a_prompt_count_what_is_read(reads, talks, tmp_path):
    rules = (Rule(Match(max_characters=400), Fixed("small-8b")),)
    policy = Conditional(rules, Fixed("frontier"))
    field = {} if reads is None else {"reads": reads}
    document = Document(
        name="x", policy=to_wire(policy), candidates=MODELS,
        catalogue=talks.catalogue.only(MODELS), **field,
    )  # fmt: skip
    made = write(tmp_path / "x.policy", document, "# x\n")
    part = talks.take(np.arange(80))
    proof = prove_parity(made, part)
    assert (proof.same, proof.holds) == (80, True)
    read_of = [message_text(read_messages(it, reads)) for it in part.texts.messages(np.arange(80))]
    expected = ["small-8b" if len(text) <= 400 else "frontier" for text in read_of]
    assert [replayed(made, part, row).answer.model for row in range(80)] == expected


def test_context_windows_hold_all_messages_whatever_is_read(talks, tmp_path):
    small = talks.catalogue.only(MODELS)
    models = {
        name: msgspec.structs.replace(it, context_window=150 if name == "small-8b" else None)
        for name, it in small.models.items()
    }
    document = Document(
        name="x", policy=to_wire(Fixed("small-8b")), candidates=("small-8b",), reads="last_turn",
        catalogue=msgspec.structs.replace(small, models={"small-8b": models["small-8b"]}),
    )  # fmt: skip
    made = write(tmp_path / "x.policy", document, "# x\n")
    proof = prove_parity(made, talks.take(np.arange(60)))
    assert proof.holds
    whole = run(made.policy, talks.take(np.arange(60)), catalogue=document.catalogue)
    assert 0 < (whole.answered < 0).sum() < 60


def test_a_decision_log_is_read_back_as_the_messages_that_were_sent(learned, tmp_path):
    policy_file, log = learned
    from routelab.runtime.journal import DecisionLog

    said = log.texts.messages(np.arange(30))

    async def ask(url):
        at = pointed_at(url, log.models, log.catalogue)
        config = RouterConfig(log=DecisionLog(tmp_path / "decisions", texts=True))
        async with AsyncRouter(policy_file, at, config) as router:
            for row in range(30):
                await router.route(said[row], RequestOptions.of(log.requests.request(row)))

    with background(log) as url:
        asyncio.run(ask(url))
    back = read(tmp_path / "decisions")
    order = [back.requests.id.tolist().index(str(it)) for it in log.requests.id[:30]]
    told = [msgspec.json.encode(it) for it in back.texts.messages(np.array(order))]
    assert told == [msgspec.json.encode(it) for it in said]
    assert load(policy_file.path).document.message_kinds == tuple(sorted(log.message_kinds))


def test_a_study_writes_down_what_is_read_and_what_the_log_held(talks, plain, tmp_path):
    asked = Options(name="t", policy="tiers", account=False, group="id", reads="conversation")
    study = tune(talks, asked)
    made = save(study, tmp_path / "t.policy").document
    assert made.provenance["options"]["reads"] == "conversation"
    assert made.message_kinds == ("earlier answers", "image", "several turns", "system text")
    assert made.reads == ("conversation" if study.policy.scorers_used else msgspec.UNSET)
    whole = tune(plain, msgspec.structs.replace(asked, reads="conversation+system"))
    lacking = "no request of the log has earlier answers or system text"
    told = any(lacking in reason for reason in whole.verdict.reasons)
    assert told is bool(whole.policy.scorers_used)


def test_a_plain_cascade_keeps_the_bytes_of_010_and_tells_of_tools(plain, tmp_path, warned):
    asked = Options(name="c", policy="cascade", trials=5, signals=("confidence",), group="id")
    study = tune(plain, asked)
    made = save(study, tmp_path / "c.policy")
    said = (made.path / "policy.json").read_bytes()
    assert b'"reads"' not in said
    assert b'"message_kinds"' not in said
    assert made.unlike(frozenset({"tools", "system text", "several turns"})) == {"tools"}
