"""Both budget stores against a plain model of what a budget is."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from routelab.errors import BudgetError
from routelab.runtime.budgets import BudgetLine, MemoryStore, Reservation, SqliteStore

TODAY = ("2026-11-24",)
LIMIT, MARKS = 1000, (500, 800, 1000)


def lines(*accounts, ceiling=LIMIT, period="2026-11-24"):
    return tuple(BudgetLine(account, period, ceiling, MARKS) for account in accounts)


class Reference:
    """Budgets as anyone would write them down on paper."""

    def __init__(self):
        self.spent = {}
        self.held = {}
        self.told = []

    def reserved(self, account):
        return sum(amount for accounts, amount in self.held.values() if account in accounts)

    def reserve(self, key, accounts, amount):
        for account in accounts:
            if self.spent.get(account, 0) + self.reserved(account) + amount > LIMIT:
                self._tell(account, LIMIT)
                return account
        self.held[key] = (accounts, amount)
        return None

    def settle(self, key, amount):
        accounts, _ = self.held.pop(key)
        for account in accounts:
            self.spent[account] = self.spent.get(account, 0) + amount
            self._tell(account, self.spent[account])

    def _tell(self, account, reached):
        for mark in range(len(MARKS)):
            if reached >= MARKS[mark] and (account, mark) not in self.told:
                self.told.append((account, mark))


class Stores(RuleBasedStateMachine):
    """Whatever is reserved, settled and restarted: the store says what the paper says."""

    holds = Bundle("holds")

    def open(self):
        return MemoryStore()

    @initialize()
    def begin(self):
        self.loop = asyncio.new_event_loop()
        self.reference, self.told = Reference(), []
        self.store = self.open()
        self.store.listen(lambda balance, mark, of: self.told.append((balance.account, mark)))

    def wait(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    @rule(
        target=holds,
        accounts=st.sampled_from([("all",), ("all", "tenant a"), ("all", "tenant b")]),
        amount=st.integers(0, 400),
    )
    def reserve(self, accounts, amount):
        found = self.wait(self.store.reserve(lines(*accounts), amount))
        full = self.reference.reserve(getattr(found, "id", None), accounts, amount)
        assert (full is None) == isinstance(found, Reservation)
        if full is not None:
            assert found.account == full
            assert (found.spent, found.reserved) == (
                self.reference.spent.get(full, 0),
                self.reference.reserved(full),
            )
        return found

    @rule(hold=consumes(holds), share=st.sampled_from([0.0, 0.3, 1.0, 1.2]))
    def settle(self, hold, share):
        if isinstance(hold, Reservation):
            amount = int(share * hold.amount)
            self.store.settle(hold, amount)
            self.reference.settle(hold.id, amount)

    @invariant()
    def balances_agree(self):
        found = {it.account: it for it in self.wait(self.store.balances(TODAY))}
        for account in ("all", "tenant a", "tenant b"):
            expected = (self.reference.spent.get(account, 0), self.reference.reserved(account))
            it = found.get(account)
            assert ((it.spent, it.reserved) if it else (0, 0)) == expected
        assert self.told == self.reference.told

    def teardown(self):
        self.wait(self.store.aclose())
        self.loop.close()


class SqliteStores(Stores):
    def open(self):
        for path in self.folder.glob("budget*"):
            path.unlink()
        return SqliteStore(self.folder / "budget.sqlite")


SETTINGS = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestMemory = Stores.TestCase
TestMemory.settings = SETTINGS
TestSqlite = SqliteStores.TestCase
TestSqlite.settings = settings(SETTINGS, max_examples=8)


@pytest.fixture(autouse=True)
def _folder(tmp_path):
    SqliteStores.folder = tmp_path


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "b.sqlite")


def test_a_thousand_requests_at_once_cannot_overspend(store):
    async def one(number):
        hold = await store.reserve(lines("all", f"tenant {number % 3}", ceiling=10_000), 25)
        await asyncio.sleep(0)
        if isinstance(hold, Reservation):
            store.settle(hold, 25 if number % 2 else 10)
            return True
        return False

    async def run():
        made = await asyncio.gather(*(one(number) for number in range(1000)))
        balances = {it.account: it for it in await store.balances(TODAY)}
        await store.aclose()
        return sum(made), balances["all"]

    made, everyone = asyncio.run(run())
    assert everyone.reserved == 0
    assert 0 < everyone.spent <= 10_000
    assert made >= 10_000 / 25


def test_a_cancelled_wait_reserves_nothing(store):
    async def run():
        for pause in (0.0, 0.0, 0.001, 0.002):
            waiting = asyncio.ensure_future(store.reserve(lines("all"), 100))
            await asyncio.sleep(pause)
            if not waiting.done():
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            else:
                store.settle(waiting.result(), 0)
        (everyone,) = await store.balances(TODAY) or [None]
        await store.aclose()
        return everyone

    everyone = asyncio.run(run())
    assert everyone is None or (everyone.reserved, everyone.spent) == (0, 0)


def test_a_new_period_begins_empty_and_a_late_call_is_charged_to_its_own(store):
    async def run():
        late = await store.reserve(lines("all"), 900)
        fresh = await store.reserve(lines("all", period="2026-11-25"), 900)
        store.settle(late, 700)
        store.settle(fresh, 100)
        found = await store.balances(("2026-11-24", "2026-11-25"))
        await store.aclose()
        return {it.period: it.spent for it in found}

    assert asyncio.run(run()) == {"2026-11-24": 700, "2026-11-25": 100}


def test_what_was_spent_survives_a_restart(tmp_path):
    async def spend():
        store = SqliteStore(tmp_path / "b.sqlite")
        hold = await store.reserve(lines("all"), 600)
        assert isinstance(hold, Reservation)
        store.settle(hold, 600)
        await store.aclose()

    async def again():
        store = SqliteStore(tmp_path / "b.sqlite")
        full = await store.reserve(lines("all"), 600)
        await store.aclose()
        return full

    asyncio.run(spend())
    full = asyncio.run(again())
    assert (full.account, full.spent, full.reserved) == ("all", 600, 0)


def test_reservations_of_the_dead_are_given_back_and_those_of_the_living_are_not(tmp_path):
    now = [1000.0]

    def open_store():
        return SqliteStore(tmp_path / "b.sqlite", expires_s=60.0, wall_clock=lambda: now[0])

    async def run():
        gone, living = open_store(), open_store()
        assert isinstance(await gone.reserve(lines("all"), 600), Reservation)
        assert isinstance(await living.reserve(lines("all"), 300), Reservation)
        now[0] += 50.0
        await living.balances(TODAY)  # any work is a sign of life
        now[0] += 20.0
        await living.balances(TODAY)
        (everyone,) = await living.balances(TODAY)
        gone._thread = None  # a crash would not say good-bye
        await living.aclose()
        return everyone

    everyone = asyncio.run(run())
    assert everyone.reserved == 300


def test_streams_of_the_dead_are_charged_and_a_late_settlement_corrects_it(tmp_path):
    now = [1000.0]
    streams = tuple(it._replace(streams=True) for it in lines("all", "tenant a"))

    def open_store():
        return SqliteStore(tmp_path / "b.sqlite", expires_s=60.0, wall_clock=lambda: now[0])

    async def run():
        gone, slow, other = open_store(), open_store(), open_store()
        await gone.reserve(streams, 100)
        hold = await slow.reserve(streams, 300)
        settled = await slow.reserve(streams, 30)
        slow.settle(settled, 20)
        await slow.kept()
        now[0] += 100.0
        charged = await other.balances(TODAY)
        slow.settle(hold, 250)
        await slow.kept()
        corrected = await other.balances(TODAY)
        gone._thread = None  # a crash would not say good-bye
        for store in (slow, other):
            await store.aclose()
        return charged, corrected

    for found, spent in zip(asyncio.run(run()), (420, 370), strict=True):
        assert {(it.account, it.spent, it.reserved) for it in found} == {
            ("all", spent, 0),
            ("tenant a", spent, 0),
        }


def test_a_late_settlement_of_an_expired_reservation_is_still_charged(tmp_path):
    now = [1000.0]

    def open_store():
        return SqliteStore(tmp_path / "b.sqlite", expires_s=60.0, wall_clock=lambda: now[0])

    async def run():
        slow, other = open_store(), open_store()
        hold = await slow.reserve(lines("all"), 600)
        now[0] += 100.0
        await other.balances(TODAY)
        slow.settle(hold, 500)
        await slow.balances(TODAY)
        (everyone,) = await other.balances(TODAY)
        await slow.aclose()
        await other.aclose()
        return everyone

    everyone = asyncio.run(run())
    assert (everyone.spent, everyone.reserved) == (500, 0)


def test_a_file_that_is_no_budget_refuses_with_the_reason(tmp_path):
    (tmp_path / "b.sqlite").write_bytes(b"no database, surely" * 100)

    async def run():
        store = SqliteStore(tmp_path / "b.sqlite")
        try:
            await store.reserve(lines("all"), 1)
        finally:
            await store.aclose()

    with pytest.raises(BudgetError, match=r"b\.sqlite: the budgets cannot be kept.*database"):
        asyncio.run(run())


FULL = """
    import asyncio, os, pathlib, resource, sys
    from test_budget_stores import TODAY, lines
    from routelab.errors import BudgetError
    from routelab.runtime.budgets import SqliteStore

    def room(most):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    async def run():
        path = pathlib.Path(sys.argv[1])
        store = SqliteStore(path)
        hold = await store.reserve(lines("all"), 50)
        room(max(os.path.getsize(it) for it in path.parent.iterdir()))
        store.settle(hold, 40)
        try:
            await store.reserve(lines("all"), 1)
        except BudgetError as error:
            print(error)
        room(resource.RLIM_INFINITY)
        print(await store.balances(TODAY))
        await store.aclose()

    asyncio.run(run())
"""


def test_on_a_full_disk_nothing_is_spent_and_what_was_is_charged_later(tmp_path):
    told, _ = start(tmp_path / "b.sqlite", "", FULL).communicate(timeout=60)
    refusal, balances = told.splitlines()
    assert refusal.startswith(f"{tmp_path / 'b.sqlite'}: the budgets cannot be kept: ")
    assert "nothing is spent until the file can be written again" in refusal
    assert "spent=40, reserved=0" in balances


WORKER = """
    import asyncio, sys
    from test_budget_stores import lines
    from routelab.runtime.budgets import Reservation, SqliteStore

    async def one(store):
        hold = await store.reserve(lines("all", ceiling=20_000), 50)
        await asyncio.sleep(0.001)
        if isinstance(hold, Reservation):
            store.settle(hold, 50)
            return 50
        return 0

    async def run():
        store = SqliteStore(sys.argv[1])
        spent = 0
        for _ in range(20):
            spent += sum(await asyncio.gather(*(one(store) for _ in range(15))))
        if sys.argv[2] == "crash":
            for _ in range(10):
                await store.reserve(lines("all", ceiling=20_000), 1)
            print(spent, flush=True)
            await asyncio.sleep(60)
        await store.aclose()
        print(spent, flush=True)

    asyncio.run(run())
"""


def test_processes_share_a_budget_and_none_overspends_it(tmp_path):
    path = tmp_path / "b.sqlite"
    workers = [start(path, "leave") for _ in range(3)]
    told = [worker.communicate(timeout=60)[0] for worker in workers]  # all of them end
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert sum(map(int, told)) == balance(path)[0] == 20_000
    assert balance(path)[1] == 0


def test_a_killed_process_leaves_what_it_spent_and_its_reservations_expire(tmp_path):
    path = tmp_path / "b.sqlite"
    worker = start(path, "crash")
    spent = int(worker.stdout.readline())
    worker.send_signal(signal.SIGKILL)
    worker.communicate(timeout=10)
    assert balance(path) == (spent, 10)

    async def later():
        store = SqliteStore(path, wall_clock=lambda: 1e12)
        await store.balances(TODAY)
        await store.aclose()

    asyncio.run(later())
    assert balance(path) == (spent, 0)


LEAVING = """
    import asyncio, sys
    from test_budget_stores import lines
    from routelab.runtime.budgets import SqliteStore

    async def run():
        store = SqliteStore(sys.argv[1])
        for _ in range(50):
            store.settle(await store.reserve(lines("all", ceiling=20_000), 50), 50)

    asyncio.run(run())
"""


def test_a_program_that_ends_without_closing_its_store_keeps_what_it_spent(tmp_path):
    worker = start(tmp_path / "b.sqlite", "", LEAVING)
    worker.communicate(timeout=60)
    assert balance(tmp_path / "b.sqlite") == (2500, 0)


def start(path, ending, program=WORKER):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(path), ending],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        stdout=subprocess.PIPE,
        text=True,
    )


def balance(path):
    """(spent, reserved) of everyone, as another program would read it."""
    db = sqlite3.connect(path)
    try:
        query = "SELECT spent, reserved FROM accounts WHERE account = 'all'"
        return db.execute(query).fetchone()
    finally:
        db.close()


def test_marks_are_told_once_among_all_who_share_the_file_and_after_a_restart(tmp_path):
    told = []

    async def spend(amounts, store):
        store.listen(lambda balance, mark, of: told.append(mark))
        for amount in amounts:
            hold = await store.reserve(lines("all"), amount)
            if isinstance(hold, Reservation):
                store.settle(hold, amount)
        await store.balances(TODAY)

    async def run():
        one, other = (SqliteStore(tmp_path / "b.sqlite") for _ in range(2))
        await spend([300, 250], one)  # 550: the first mark
        await spend([100, 200], other)  # 850: the second
        await one.aclose()
        await other.aclose()
        again = SqliteStore(tmp_path / "b.sqlite")
        await spend([100, 100, 100], again)  # refused twice, the first time with the last mark
        await again.aclose()

    asyncio.run(run())
    assert told == [0, 1, 2]


def test_processes_may_begin_with_a_new_file_at_once(tmp_path):
    path = tmp_path / "b.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")  # as one that switches to WAL at the same moment does
    timer = threading.Timer(0.2, other.execute, ("COMMIT",))
    timer.start()

    async def run():
        store = SqliteStore(path)
        assert await store.balances(TODAY) == ()
        await store.aclose()

    asyncio.run(run())
    timer.join()
    other.close()
