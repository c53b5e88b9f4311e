"""Packages that do not fit are refused when they are named, and nothing else suffers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from packages_world import FIXED, always, installed

from routelab import policies
from routelab.core import packages
from routelab.core.packages import use
from routelab.errors import PackageError
from routelab.policies import Fixed, to_wire

PROJECT = Path(__file__).parents[2]
ALWAYS = FIXED.format(tag="always")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (ALWAYS.replace("frozen=True", 'frozen=True, tag_field="sort"'), "tag_field"),
        (ALWAYS.replace("frozen=True", "frozen=True, array_like=True"), "array_like"),
        (ALWAYS.replace("model: str", "model: 'Nowhere'"), "NameError"),
        (ALWAYS.replace("model: str", "model: 'complex | object | int'"), "TypeError"),
        (ALWAYS.replace("model: str", "model: 'Call | Deliver'"), "TypeError"),
    ],
)
def test_a_kind_that_cannot_be_read_beside_the_others_is_refused(site, code, why):
    installed(site, "acme", code, policies="always = acme:Always")
    with pytest.raises(PackageError, match=rf"acme 1\.0: kind 'always' .*{why}"):
        use("acme")
    assert packages.used() == ()
    assert policies.from_wire(to_wire(Fixed("small"))) == Fixed("small")


NAMED_ALONE = "routelab.redactions"
"""Entry points that are loaded where a configuration names them, and judged there."""


@pytest.mark.parametrize("group", [it for it in packages.REGISTRIES if it != NAMED_ALONE])
def test_what_a_package_brings_is_judged_whatever_is_imported(site, group):
    installed(site, "acme", "X = 1", **{group.removeprefix(packages.GROUPS): "kind = acme:X"})
    code = (
        "import sys\n"
        "from routelab.core import packages\n"
        "from routelab.errors import PackageError\n"
        "assert 'routelab.policies' not in sys.modules\n"
        "try:\n"
        "    packages.use('acme')\n"
        "except PackageError as error:\n"
        "    print('refused', packages.used(), error)\n"
        "assert not {'pyarrow', 'sklearn', 'routelab.tuning'} & sys.modules.keys()\n"
        "from routelab.logs.importers import REGISTRY\n"
        "from routelab.tuning.tuners import TUNERS\n"
        "for registry in (REGISTRY, TUNERS):\n"
        "    try:\n"
        "        registry.kinds\n"
        "    except PackageError as error:\n"
        "        print('refused later', error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(PROJECT / "src")])},
    )
    assert done.returncode == 0, done.stderr
    lazy = packages.REGISTRIES[group] is None
    assert done.stdout.startswith("refused later acme 1.0" if lazy else "refused () acme 1.0")
    assert done.stdout.count("refused") == 1


def test_a_package_that_names_another_as_it_is_imported_has_both_in_use(site):
    always(site, "beta", tag="second")
    code = "from routelab.core.packages import use\nuse('beta')\n" + ALWAYS
    installed(site, "acme", code + "\nuse('acme')\n", policies="always = acme:Always")
    use("acme")
    assert {it.name for it in packages.used()} == {"acme", "beta"}
    for kind in ("always", "second"):
        assert policies.from_wire({"kind": kind, "model": "a"}).models_used == ("a",)


IN_TWO_THREADS = """
import threading
import routelab.policies
from routelab.core import packages

def imports():
    import acme

def names():
    assert begun.wait(20)
    packages.use("acme")

begun = packages.begun = threading.Event()
threads = [threading.Thread(target=it, daemon=True) for it in (imports, names)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(20)
print([thread.is_alive() for thread in threads], sorted(it.name for it in packages.used()))
"""


def test_an_import_in_one_thread_and_a_naming_in_another_do_not_wait_for_each_other(site):
    always(site, "beta", tag="second")
    code = (
        "import time\nfrom routelab.core import packages\n"
        "packages.begun.set()\ntime.sleep(0.3)\npackages.use('beta')\n"
    )
    installed(site, "acme", code + ALWAYS, policies="always = acme:Always")
    done = subprocess.run(
        [sys.executable, "-c", IN_TWO_THREADS],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(PROJECT / "src")])},
    )
    assert done.stdout.strip() == "[False, False] ['acme', 'beta']", done.stderr


def test_packages_that_are_named_at_once_are_all_in_use(site):
    names = [f"part{i}" for i in range(6)]
    for name in names:
        always(site, name, tag=name)
    start = threading.Barrier(len(names))

    def named(name: str) -> None:
        start.wait()
        use(name)

    threads = [threading.Thread(target=named, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {it.name for it in packages.used()} == set(names)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise ValueError('boom')", "ValueError: boom"),
        ("def (", "SyntaxError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("{}['x']", "KeyError"),
        ("def f(): f()\nf()", "RecursionError"),
    ],
)
def test_whatever_an_import_raises_is_told_with_its_cause(site, code, why):
    installed(site, "acme", code, policies="always = acme:Always")
    with pytest.raises(PackageError, match=f"acme:Always, which cannot be imported: {why}") as got:
        use("acme")
    assert got.value.__cause__ is not None
    assert packages.used() == ()


def test_an_interrupt_of_an_import_is_none_of_the_package(site):
    installed(site, "acme", "raise KeyboardInterrupt", policies="always = acme:Always")
    with pytest.raises(KeyboardInterrupt):
        use("acme")
    assert packages.used() == ()
