"""Habits that keep one way of doing things: services explain themselves, rows are saved by services."""

import ast
import re
import tomllib
from fnmatch import fnmatch

import pytest

from tests.structure.source import ROOT, Function, Source, app_files, name_of, only_hands_on, product, services

BOUNDARIES = re.compile(r"(^|/)(tasks|celery_task|relay)(/\w+)?\.py$|^standins/|^config/launcher/")

# "Needs `permission`" tells of the refusal as well.
TELLS_ERRORS = re.compile(r"[Rr]aise|[Rr]efuse|\bNeeds\b|NotFound|Conflict|Invalid|TooLarge|TooMany|Unavailable")

# A verb in its base form: "Pass" and "Address" end in a double s, "Sends" and "Sending" describe.
IMPERATIVE = re.compile(
    r"(?!(?:Whether|What|Who|How|The|An?|If|When|After|Before)\b)[A-Z][a-z]*(?:[^s\W]|ss)(?<!ing)\b"
)
FIRST_LINE = 80


def test_modules_whose_imports_are_offered_do_nothing_but_import() -> None:
    """Neither mypy nor ruff asks which of their names are offered again: all are, so none is listed a second time."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    patterns = [pattern for pattern, codes in tools["ruff"]["lint"]["per-file-ignores"].items() if "F401" in codes]
    for part in tools["mypy"]["overrides"]:
        names = part["module"] if part.get("implicit_reexport") else ()
        patterns += [name.replace(".", "/") + end for name in names for end in (".py", "/__init__.py")]
    faces = [source for source in product() if any(fnmatch(source.path, pattern) for pattern in patterns)]
    assert "hitl/services.py" in {source.path for source in faces}
    assert [source.path for source in faces if not only_hands_on(source.tree)] == []


def test_every_public_service_says_what_it_does() -> None:
    assert [f"{s.path} {node.name}" for s, node in services() if not ast.get_docstring(node)] == []


def test_first_lines_of_services_are_short_imperatives() -> None:
    lines = [(f"{s.path} {node.name}", (ast.get_docstring(node) or "").split("\n")[0]) for s, node in services()]
    assert [line for line in lines if len(line[1]) >= FIRST_LINE or not IMPERATIVE.match(line[1])] == []


@pytest.mark.parametrize("line", ["Sending a message.", "Sends a message.", "Whether it was sent.", "send a message."])
def test_descriptions_are_no_imperatives(line: str) -> None:
    assert not IMPERATIVE.match(line)


def test_services_that_announce_say_so() -> None:
    silent = [
        f"{source.path} {node.name}"
        for source, node in services()
        if _calls(node, "announce") and "nnounce" not in (ast.get_docstring(node) or "")
    ]
    assert silent == []


def test_services_that_raise_say_so() -> None:
    silent = [
        f"{source.path} {node.name}"
        for source, node in services()
        if _raises(node) and not TELLS_ERRORS.search(ast.get_docstring(node) or "")
    ]
    assert silent == []


def test_services_take_keywords_only() -> None:
    loose = [f"{s.path} {n.name}" for s, n in services() if len(n.args.args) + len(n.args.posonlyargs) > 1]
    assert loose == []


def test_receivers_are_few() -> None:
    decorators = [d for source in app_files() for node in source.functions() for d in node.decorator_list]
    assert len([d for d in decorators if isinstance(d, ast.Call) and name_of(d) == "receiver"]) <= 10


def test_no_model_overrides_save_or_delete() -> None:
    found = [
        f"{source.path}:{method.lineno}"
        for source in app_files()
        for cls in source.nodes
        if isinstance(cls, ast.ClassDef) and any("Model" in ast.unparse(base) for base in cls.bases)
        if "ModelAdmin" not in "".join(ast.unparse(base) for base in cls.bases)
        for method in cls.body
        if isinstance(method, Function) and method.name in ("save", "delete")
    ]
    assert found == []


def test_broad_excepts_stand_at_boundaries_and_log() -> None:
    found = [
        f"{source.path}:{node.lineno}"
        for source in product()
        if not BOUNDARIES.search(source.path)
        for node in source.nodes
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _is_explained(source, node)
    ]
    assert found == []


def test_names_say_what_lives_there() -> None:
    vague = re.compile(r"(^|/)(utils?|helpers?|managers?|misc|common|data|info)(\.py|/)")
    assert [source.path for source in app_files() if vague.search(source.path)] == []


def test_functions_are_not_called_handle_or_process_something() -> None:
    # HTTP transports and servers call `handle_request`, Django calls a middleware's `process_response` and
    # `process_exception`, Python's servers `handle_error`, its HTML parser `handle_starttag`, `handle_endtag` and
    # `handle_data`.
    vague = re.compile(r"^_?(handle|process)_(?!(async_)?request$|response$|exception$|error$|(start|end)tag$|data$)")
    assert [_where(s, n) for s in app_files() for n in s.functions() if vague.match(n.name)] == []


def _where(source: Source, node: Function) -> str:
    return f"{source.path}:{node.lineno} {node.name}"


def _calls(node: Function, name: str) -> bool:
    return any(isinstance(inner, ast.Call) and name_of(inner) == name for inner in ast.walk(node))


def _raises(node: Function) -> bool:
    return any(isinstance(inner, ast.Raise) and inner.exc for inner in ast.walk(node))


def _is_broad(node: ast.ExceptHandler) -> bool:
    return node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")


def _is_explained(source: Source, node: ast.ExceptHandler) -> bool:
    """A boundary that says why it is one and logs what came, or a handler that lets the error go on."""
    if any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node)):
        return True
    lines = source.text.splitlines()[node.lineno - 1 : node.end_lineno]
    logs = any(isinstance(inner, ast.Call) and ast.unparse(inner.func).startswith("log.") for inner in ast.walk(node))
    return logs and any("# " in line for line in lines)
