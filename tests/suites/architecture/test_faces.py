"""A package has one face: its `__init__`, through which other folders import it."""

from __future__ import annotations

import importlib

import pytest
from exceptions import PAST_THE_FACE
from sources_world import folder_of, imports_within, is_package, modules, offered

PACKAGES = [name for name in modules() if is_package(name)]


def is_within(folder: str, other: str) -> bool:
    """Whether a folder is another one or below it."""
    return folder == other or folder.startswith(f"{other}.")


def order(name: str) -> tuple[bool, bool, str]:
    """Constants, classes, functions; each by the alphabet."""
    return not name.isupper(), not name[0].isupper(), name


def test_other_folders_import_a_package_through_its_face():
    """A module imports its siblings, and modules of the folders around it, as they are."""
    found = {
        (it.importer, it.module)
        for it in imports_within()
        if not is_package(it.module) and not is_within(folder_of(it.importer), folder_of(it.module))
    }
    assert found - PAST_THE_FACE == set(), "import it from the package, in whose __all__ it is"
    assert PAST_THE_FACE - found == set(), "these are mended: take them off the list"


def test_what_is_imported_from_a_face_is_offered_there():
    found = {
        it
        for it in imports_within()
        if is_package(it.module)
        and it.name
        and it.name not in (offered(it.module) or ())
        and f"{it.module}.{it.name}" not in modules()
        and not is_within(folder_of(it.importer), it.module)
        and it.name != "__version__"
    }
    assert found == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_face_lists_what_it_offers_in_order(package):
    names = offered(package)
    assert names is not None, f"{package} has no __all__"
    assert names == sorted(names, key=order)
    assert len(names) == len(set(names))
    assert [name for name in names if name.startswith("_")] == []
    face = importlib.import_module(package)
    assert [name for name in names if not hasattr(face, name)] == []
