"""Write `python/` from what the packages say of themselves: `python docs/python_reference.py`.

Nothing is imported: names, signatures and docstrings are read from the source, so the pages are
the same on every machine. `tests/docs/test_docs_python.py` holds them current and complete.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path
from typing import NamedTuple, TypeAlias

FOLDER = Path(__file__).with_name("python")
SOURCE = Path(__file__).parents[1] / "src" / "routelab"
WIDTH = 88
"""Characters of a signature's line."""
LONG_VALUE = 60
"""Characters above which a constant's value is left to the source."""

FIRST = {
    "Route live requests": (
        "routelab.Router",
        "routelab.AsyncRouter",
        "routelab.runtime.RouterConfig",
        "routelab.runtime.RequestOptions",
        "routelab.load",
    ),
    "Read a log": (
        "routelab.read",
        "routelab.logs.Log",
        "routelab.logs.write",
        "routelab.core.SignalSpec",
    ),
    "Search a policy, and know what it is worth": (
        "routelab.tune",
        "routelab.tuning.Options",
        "routelab.policies.Cascade",
        "routelab.replay.run",
        "routelab.replay.evaluate",
        "routelab.simulate.simulate",
    ),
}
"""What most people need, as they write it."""

OPENING = """# Python

Made from the packages themselves by `python docs/python_reference.py`. These are the names that
most people need, each with an example that the tests run; behind each name is its full entry.
Examples are run beside the embedded log (`datasets/sample.parquet`, here also `log.parquet`), its
catalogue (`models.toml`) and a policy that was tuned on it (`mine.policy`).

`import routelab` imports nothing else until a name is asked for. `Router`, `AsyncRouter` and
`load` need the base install alone, whatever reads logs or searches the `lab` extra. Every error
that you can cause and mend is a [`RoutelabError`](errors.md#routelaberror).
"""
PACKAGES = """## All packages

Every package has one face: what its `__all__` lists, and its page here shows. Packages inside a
package stand at the end of its page; they are what other parts of routelab use of it, and
change more easily.

| package | what it is |
|---|---|
"""
SECTIONS = {
    "Args": "Arguments",
    "Attributes": "Attributes",
    "Returns": "Returns",
    "Yields": "Yields",
    "Raises": "Raises",
}

NAMED = ("Args", "Attributes", "Raises")
"""Sections whose items begin with names."""

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Node: TypeAlias = ast.ClassDef | Function | ast.Assign | ast.AnnAssign | ast.Module


class Definition(NamedTuple):
    """Where something public is defined, and how."""

    module: str
    name: str
    node: Node


class Place(NamedTuple):
    """Where a definition is explained: a package's face, and an anchor on a page."""

    package: str
    name: str
    page: str
    anchor: str


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of routelab by its dotted name."""
    return {
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


@cache
def packages() -> tuple[str, ...]:
    """Packages that list something, and `errors`; parents before what is in them."""
    faces = {
        ".".join(path.relative_to(SOURCE.parent).parent.parts)
        for path in SOURCE.rglob("__init__.py")
    }
    return tuple(it for it in sorted({*faces, "routelab.errors"}) if public_names(it))


def public_names(module: str) -> list[str]:
    """What a module's `__all__` lists; for `errors`, which has none, its classes."""
    tree = modules()[module]
    if module == "routelab.errors":
        return [it.name for it in tree.body if isinstance(it, ast.ClassDef)]
    for node in tree.body:
        if isinstance(node, ast.Assign) and unparsed(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


@cache
def definition(module: str, name: str) -> Definition:
    """What a name of a module stands for, followed through its imports.

    Raises:
        LookupError: it is not defined in routelab.
    """
    tree = modules()[module]
    for node in statements(tree.body):
        if isinstance(node, ast.ClassDef | Function) and node.name == name:
            if not any("overload" in unparsed(it) for it in node.decorator_list):
                return Definition(module, name, node)
        elif isinstance(node, ast.Assign):
            for one in assignments(node):
                if unparsed(one.targets[0]) == name:
                    return Definition(module, name, one)
        elif isinstance(node, ast.AnnAssign) and unparsed(node.target) == name:
            return Definition(module, name, node)
    imports = (it for it in ast.walk(tree) if isinstance(it, ast.ImportFrom))
    for node in sorted(imports, key=lambda it: f"{it.module}".endswith("compiled")):
        if node.module:  # `plain` says what is meant, `compiled` does it fast
            for alias in node.names:
                if name in (alias.asname, alias.name):
                    inner = f"{node.module}.{alias.name}"
                    if node.module == module and inner in modules():
                        return Definition(inner, "", modules()[inner])
                    if node.module in modules():
                        return definition(node.module, alias.name)
    if (inner := f"{module}.{name}") in modules():
        return Definition(inner, "", modules()[inner])
    raise LookupError(f"{module}.{name}")


def unparsed(node: ast.AST) -> str:
    """Code as the project writes it."""
    return re.sub(r"'([^'\"\\]*)'", r'"\1"', ast.unparse(node))


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module, those for type checkers alone last."""
    for node in body:
        if isinstance(node, ast.If):
            yield from statements([*node.orelse, *node.body])
        else:
            yield node


def assignments(node: ast.Assign) -> list[ast.Assign]:
    """One for each name that is assigned."""
    target = node.targets[0]
    if not (isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)):
        return [node]
    return [
        ast.copy_location(ast.Assign([name], value), node)
        for name, value in zip(target.elts, node.value.elts, strict=True)
    ]


@cache
def places() -> dict[tuple[str, str], Place]:
    """Where each definition has its entry: in the outermost package that offers it and holds it."""
    offers: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for package in packages():
        for name in public_names(package):
            if package != "routelab":
                it = definition(package, name)
                offers.setdefault((it.module, it.name), []).append((package, name))
    best = {
        key: min(
            found,
            key=lambda it: (not f"{key[0]}.".startswith(f"{it[0]}."), it[0].count("."), it),
        )
        for key, found in offers.items()
    }
    return {
        key: Place(
            owner,
            name,
            f"{owner.split('.')[1]}.md",
            _slug(heading(owner, name) if owner.count(".") == 1 else owner),
        )
        for key, (owner, name) in best.items()
    }


def pages_of() -> list[str]:
    """Packages with a page."""
    return sorted({".".join(it.split(".")[:2]) for it in packages() if it != "routelab"})


def family(package: str) -> list[str]:
    """A package and those inside it."""
    return [package, *(it for it in packages() if it.startswith(f"{package}."))]


def heading(package: str, name: str) -> str:
    """Of an entry; anchors know no capitals, so what differs by them alone says more."""
    alike = [it for it in public_names(package) if it.lower() == name.lower()]
    node = definition(package, name).node
    alias = isinstance(node, ast.AnnAssign) and unparsed(node.annotation) == "TypeAlias"
    if len(alike) == 1 or alias or isinstance(node, ast.ClassDef):
        return name
    kinds = {ast.Module: "module", ast.Assign: "constant", ast.AnnAssign: "constant"}
    return f"{name} ({kinds.get(type(node), 'function')})"


def pages() -> dict[str, str]:
    """The whole reference by file name."""
    made = {"index.md": index(), **{f"{it.split('.')[1]}.md": page(it) for it in pages_of()}}
    return {name: re.sub(r"\n{3,}", "\n\n", text) for name, text in made.items()}


def index() -> str:
    """What most people need, and the list of all packages."""
    parts = [OPENING]
    for title, names in FIRST.items():
        parts.append(f"## {title}\n")
        for full in names:
            package, _, name = full.rpartition(".")
            it = definition(package, name)
            place = places()[it.module, it.name]
            text = docstring(it.node)
            parts.append(f"### {full}\n")
            here = place._replace(page="index.md")
            parts.append(prose(sentence(text), here))
            parts.append(f"[Full entry]({place.page}#{place.anchor})\n")
            parts += [f"```pycon\n{it}\n```\n" for it in examples(text)]
    rows = [
        f"| [`{it}`]({it.split('.')[1]}.md) | {_cell(sentence(docstring(modules()[it])))} |"
        for it in pages_of()
    ]
    return "\n".join(parts) + "\n" + PACKAGES + "\n".join(rows) + "\n"


def page(package: str) -> str:
    """A package's page: full entries of its own names, short ones of the packages inside."""
    here = Place(package, "", f"{package.split('.')[1]}.md", "")
    parts = [f"# {package}\n", described(docstring(modules()[package]), here)]
    names = sorted(public_names(package), key=lambda it: (it.lower(), it))
    parts += [entry(package, name) for name in names]
    for inner in family(package)[1:]:
        names = sorted(public_names(inner), key=lambda it: (it.lower(), it))
        parts += [
            f"## {inner}\n",
            described(docstring(modules()[inner]), here),
            "\n".join(brief(inner, name) for name in names) + "\n",
        ]
    return "\n".join(parts)


def entry(package: str, name: str) -> str:
    """Everything about a public name, or where that is told."""
    it = definition(package, name)
    place = places()[it.module, it.name]
    parts = [f"## {heading(package, name)}\n"]
    if place.package != package:
        where = f"[`{place.package}.{place.name}`]({_address(place, package)})"
        here = place._replace(page=f"{package.split('.')[1]}.md")
        meaning = prose(sentence(docstring(it.node) or value_doc(it)), here)
        return "\n".join([*parts, f"The same as {where}: {meaning}\n"])
    if isinstance(it.node, ast.Module):
        own = "\n".join(module_lines(it.module, place))
        if it.module in packages():
            own = f"[Its names](#{_slug(it.module)})"
        said = described(docstring(it.node), place)
        return "\n".join([*parts, f"The module `{it.module}`.\n", said, own, ""])
    parts += [fence(signature(it, name)), *extends(it, place)]
    parts.append(described(docstring(it.node) or value_doc(it), place))
    if isinstance(it.node, ast.ClassDef):
        parts += [member(name, method, place) for method in methods(it)]
    return "\n".join(parts)


def extends(it: Definition, place: Place) -> list[str]:
    """Public classes that a class builds on, whose methods it has too."""
    if not isinstance(it.node, ast.ClassDef):
        return []
    above = [
        f"[`{base.name}`]({_address(there, place.package)})"
        for base in lineage(it)[1:]
        if (there := places().get((base.module, base.name))) is not None
    ]
    return [f"Extends {', '.join(dict.fromkeys(above))}.\n"] if above else []


def brief(package: str, name: str) -> str:
    """A name of an inner package in a line."""
    it = definition(package, name)
    place = places()[it.module, it.name]
    meaning = prose(sentence(docstring(it.node) or value_doc(it)), place)
    if place.package != package:
        where = f"[`{place.package}.{place.name}`]({_address(place, package)})"
        return f"- `{name}`: the same as {where}."
    if isinstance(it.node, ast.Module):
        lines = "".join(f"\n    {line}" for line in module_lines(it.module, place))
        return f"- `{name}`, a module: {meaning}{lines}"
    return f"- `{call(it, name)}`: {meaning}".removesuffix(": ")


def module_lines(module: str, place: Place) -> list[str]:
    """What a module that is public as a whole offers, a line each."""
    tree = modules()[module]
    offered = public_names(module)
    return [
        f"- `{call(Definition(module, node.name, node), node.name)}`:"
        f" {prose(sentence(docstring(node)), place)}"
        for node in tree.body
        if isinstance(node, ast.ClassDef | Function)
        and not node.name.startswith("_")
        and (not offered or node.name in offered)
    ]


def member(owner: str, it: Definition, place: Place) -> str:
    """A method or property of a class."""
    assert isinstance(it.node, Function)
    shown = signature(it, it.name)
    return "\n".join(
        [f"### {owner}.{it.name}\n", fence(shown), described(docstring(it.node), place)]
    )


def methods(it: Definition) -> Iterator[Definition]:
    """Public methods and properties that say what they are, the inherited ones of private bases
    too.
    """
    assert isinstance(it.node, ast.ClassDef)
    seen: set[str] = set()
    for base in lineage(it):
        assert isinstance(base.node, ast.ClassDef)
        if base is not it and (base.module, base.name) in places():
            continue  # has an entry of its own
        for node in base.node.body:
            if not isinstance(node, Function) or node.name.startswith("_") or node.name in seen:
                continue
            if any("setter" in unparsed(deco) for deco in node.decorator_list):
                continue
            if docstring(node) or (base is it and not overrides(it, node.name)):
                seen.add(node.name)
                yield Definition(base.module, node.name, node)


def overrides(it: Definition, name: str) -> bool:
    """Whether a class above has a method of this name."""
    return any(
        isinstance(node, Function) and node.name == name
        for base in lineage(it)[1:]
        if isinstance(base.node, ast.ClassDef)
        for node in base.node.body
    )


def lineage(it: Definition) -> list[Definition]:
    """A class and those of routelab above it, nearest first."""
    found = [it]
    assert isinstance(it.node, ast.ClassDef)
    for base in it.node.bases:
        name = unparsed(base).partition("[")[0]
        if "." not in name:
            try:
                above = definition(it.module, name)
            except LookupError:
                continue
            if isinstance(above.node, ast.ClassDef):
                found += lineage(above)
    return found


def signature(it: Definition, name: str) -> str:
    """How a name is called or what it is, with types."""
    node = it.node
    if isinstance(node, ast.ClassDef):
        given = arguments(it)
        return f"class {name}" if given is None else _wrapped(f"class {name}", given, "")
    if isinstance(node, Function):
        decorators = [unparsed(deco) for deco in node.decorator_list]
        result = f" -> {unparsed(node.returns)}" if node.returns else ""
        if any("property" in deco for deco in decorators):
            return f"{name}: {unparsed(node.returns)}" if node.returns else name
        shown = [f"@{deco}" for deco in decorators if deco in ("classmethod", "staticmethod")]
        head = "async def " if isinstance(node, ast.AsyncFunctionDef) else "def "
        return "\n".join([*shown, _wrapped(head + name, _parameters(node), result)])
    if isinstance(node, ast.AnnAssign):
        kind = unparsed(node.annotation)
        value = unparsed(node.value) if node.value else ""
        if kind == "TypeAlias":
            return f"{name} = {value}"
        return f"{name}: {kind}" + (f" = {value}" if 0 < len(value) <= LONG_VALUE else "")
    assert isinstance(node, ast.Assign)
    value = unparsed(node.value)
    return f"{name} = {value}" if len(value) <= LONG_VALUE else name


def call(it: Definition, name: str) -> str:
    """How a name is called, without types."""
    node = it.node
    if isinstance(node, ast.ClassDef):
        given = arguments(it)
    elif isinstance(node, Function):
        given = _parameters(node)
    else:
        return name
    short = [re.split(r"[:=]", each)[0].strip() for each in given or ()]
    return f"{name}({', '.join(short)})" if given is not None else name


def arguments(it: Definition) -> list[str] | None:
    """What a class is made from; None if it is not made by its users."""
    above = lineage(it)
    for base in above:
        assert isinstance(base.node, ast.ClassDef)
        for node in base.node.body:
            if isinstance(node, Function) and node.name == "__init__":
                return _parameters(node)
    if not built(it) or is_protocol(it):
        return None
    plain: dict[str, str] = {}
    named: dict[str, str] = {}
    for base in reversed([base for base in above if built(base)]):
        assert isinstance(base.node, ast.ClassDef)
        keywords = any(
            "kw_only=True" in unparsed(each)
            for each in (*base.node.decorator_list, *base.node.keywords)
        )
        for field in fields(base.node):
            name = unparsed(field.target)
            shown = f"{name}: {unparsed(field.annotation)}{_default(field.value)}"
            known = named if keywords or name in named else plain
            known[name] = shown
    return [*plain.values(), *(["*"] if named else []), *named.values()]


def built(it: Definition) -> bool:
    """Whether a class is made from its fields."""
    assert isinstance(it.node, ast.ClassDef)
    decorators = " ".join(unparsed(each) for each in it.node.decorator_list)
    bases = " ".join(
        unparsed(each)
        for base in lineage(it)
        if isinstance(base.node, ast.ClassDef)
        for each in base.node.bases
    )
    return "dataclass" in decorators or bool(re.search(r"\b(NamedTuple|Struct)\b", bases))


def is_protocol(it: Definition) -> bool:
    """Whether a class says what others must be like."""
    assert isinstance(it.node, ast.ClassDef)
    return any(unparsed(each).startswith("Protocol") for each in it.node.bases)


def fields(node: ast.ClassDef) -> Iterator[ast.AnnAssign]:
    """Public fields of a class, class variables left out."""
    for it in node.body:
        if isinstance(it, ast.AnnAssign) and isinstance(it.target, ast.Name):
            hidden = it.target.id.startswith("_") or "ClassVar" in unparsed(it.annotation)
            unmade = it.value is not None and "init=False" in unparsed(it.value)
            if not (hidden or unmade):
                yield it


def _default(value: ast.expr | None) -> str:
    if value is None:
        return ""
    text = unparsed(value)
    if found := re.match(r"(?:dataclasses\.|msgspec\.)?field\((.*)\)$", text, re.S):
        given = dict(
            re.findall(r"(default|default_factory)=(lambda: .*|[\w.]+(?:\(.*\))?)", found[1])
        )
        if "default" in given:
            text = given["default"]
        elif made := given.get("default_factory"):
            empty = {"dict": "{}", "list": "[]", "tuple": "()"}
            text = empty.get(made) or made.removeprefix("lambda: ") + (
                "" if made.startswith("lambda") else "()"
            )
        else:
            return ""
    return f" = {text}"


def _parameters(node: Function) -> list[str]:
    given = node.args
    every = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(every) - len(given.defaults))
    defaults += given.defaults
    shown = []
    for at, (each, default) in enumerate(zip(every, defaults, strict=True)):
        shown.append(_parameter(each, default))
        if at + 1 == len(given.posonlyargs):
            shown.append("/")
    if every and every[0].arg in ("self", "cls"):
        del shown[0]
        if shown[:1] == ["/"]:
            del shown[0]
    if given.vararg:
        shown.append(f"*{_parameter(given.vararg, None)}")
    elif given.kwonlyargs:
        shown.append("*")
    shown += [
        _parameter(each, default)
        for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    if given.kwarg and "Never" not in unparsed(given.kwarg):  # told as misspelt
        shown.append(f"**{_parameter(given.kwarg, None)}")
    return shown


def _parameter(it: ast.arg, default: ast.expr | None) -> str:
    kind = f": {unparsed(it.annotation)}" if it.annotation else ""
    equals = " = " if kind else "="
    return f"{it.arg}{kind}" + (f"{equals}{unparsed(default)}" if default else "")


def _wrapped(head: str, given: list[str], result: str) -> str:
    line = f"{head}({', '.join(given)}){result}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{head}(", *(f"    {each}," for each in given), f"){result}"])


def fence(code: str) -> str:
    """A signature as a block."""
    return f"```py\n{code}\n```\n"


def docstring(node: ast.AST) -> str:
    """What is said of a class, a function or a module; empty if nothing."""
    if isinstance(node, ast.ClassDef | Function | ast.Module):
        return ast.get_docstring(node) or ""
    return ""


def value_doc(it: Definition) -> str:
    """The text under a constant or an alias; empty if there is none."""
    if isinstance(it.node, ast.Module):
        return ""
    for node, after in pairwise(statements(modules()[it.module].body)):
        here = node.lineno == it.node.lineno
        if here and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return inspect.cleandoc(str(after.value.value))
    return ""


def sentence(text: str) -> str:
    """The first paragraph, sections and examples left out."""
    return " ".join(takewhile(str.strip, text.splitlines()))


def examples(text: str) -> list[str]:
    """Blocks of `>>>`."""
    return ["\n".join(it) for it in _blocks(text) if it[0].startswith(">>>")]


def _blocks(text: str) -> list[list[str]]:
    """Paragraphs; consecutive examples are one, as they share their names."""
    found: list[list[str]] = [[]]
    for line in inspect.cleandoc(text).splitlines():
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    joined: list[list[str]] = []
    for block in filter(None, found):
        block = inspect.cleandoc("\n".join(block)).splitlines() if ">>>" in block[0] else block
        if joined and joined[-1][0].startswith(">>>") and block[0].startswith(">>>"):
            joined[-1] += ["", *block]
        else:
            joined.append(block)
    return joined


def described(text: str, place: Place) -> str:
    """A docstring as Markdown."""
    return "".join(f"{it}\n\n" for it in _described(text, place)).rstrip("\n") + "\n"


def _described(text: str, place: Place) -> Iterator[str]:
    for block in _blocks(text):
        if block[0].startswith(">>>"):
            yield "```pycon\n" + "\n".join(block) + "\n```"
            continue
        if block[0].startswith("    "):
            yield "\n".join(block)  # code
            continue
        chunk: list[str] = []
        title = ""
        for line in block:
            if line.rstrip().rstrip(":") in SECTIONS and line.rstrip().endswith(":"):
                yield from _chunk(title, chunk, place)
                chunk, title = [], line.strip().rstrip(":")
            elif re.match(r"Sources?: ", line):
                yield from _chunk(title, chunk, place)
                chunk, title = [line], ""
            else:
                chunk.append(line)
        yield from _chunk(title, chunk, place)


def _chunk(title: str, lines: list[str], place: Place) -> Iterator[str]:
    if not lines:
        return
    if not title:
        listed = "\n".join(lines)
        yield prose(re.sub(r"(?<=[^\n])\n(?=- )", "\n\n", listed, count=1), place)
        return
    text = inspect.cleandoc("\n" + "\n".join(lines)).splitlines()
    items: list[str] = []
    for line in text:
        if line.startswith(" ") and items:
            items[-1] += f" {line.strip()}"
        else:
            items.append(line.strip())
    shown = []
    for item in items:
        name, colon, meaning = item.partition(": ")
        if colon and title in NAMED and re.fullmatch(r"[\w*., ]+", name):
            names = ", ".join(f"`{each.strip()}`" for each in name.split(","))
            shown.append(f"- {linked(names, place)}: {prose(meaning, place)}")
        elif item.endswith(":") and re.fullmatch(r"\w+:", item):
            shown.append(f"- `{item[:-1]}`")
        else:
            shown.append(f"- {prose(item, place)}")
    yield f"{SECTIONS[title]}:\n\n" + "\n".join(shown)


def prose(text: str, place: Place | None) -> str:
    """Text as Markdown shows it, with links where it names something public."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(
        linked(it, place) if at % 2 else it.replace("<", "&lt;").replace("*", r"\*")
        for at, it in enumerate(parts)
    )


def linked(text: str, place: Place | None) -> str:
    """Names in backticks, those that have an entry as links to it."""

    def link(found: re.Match[str]) -> str:
        to = _target(found[1], place)
        if to is None or (place and (to.package, to.name) == (place.package, place.name)):
            return found[0]
        address = f"#{to.anchor}" if place and to.page == place.page else f"{to.page}#{to.anchor}"
        return f"[{found[0]}]({address})"

    return re.sub(r"`([A-Za-z_][\w.]*)(?:\(\))?`", link, text)


@cache
def _known() -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for package in packages():
        for name in public_names(package):
            it = definition(package, name)
            if (place := places().get((it.module, it.name))) is not None:
                found.setdefault(f"{package}.{name}", []).append(place)
                found.setdefault(f"{it.module}.{it.name}", []).append(place)
                if name[0].isupper() and not name.isupper():
                    found.setdefault(name, []).append(place)
    return found


def _target(name: str, place: Place | None) -> Place | None:
    there = list(dict.fromkeys(_known().get(name, ())))
    near = [it for it in there if place and it.package == place.package]
    if len(there) > 1:
        there = near or [it for it in there if place and it.page == place.page]
    return there[0] if len(there) == 1 else None


def _address(place: Place, package: str) -> str:
    here = f"{package.split('.')[1]}.md"
    return f"#{place.anchor}" if here == place.page else f"{place.page}#{place.anchor}"


def _slug(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "&#124;")


def write(folder: Path = FOLDER, made: Callable[[], dict[str, str]] = pages) -> None:
    """Write every page and remove those of packages that are gone."""
    folder.mkdir(exist_ok=True)
    found = made()
    for path in folder.glob("*.md"):
        if path.name not in found:
            path.unlink()
    for name, text in found.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
