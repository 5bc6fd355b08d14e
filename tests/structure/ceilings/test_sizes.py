"""Functions and files stay small."""

from statistics import quantiles

from tests.structure.source import length, product


def _function_lengths() -> dict[str, int]:
    return {f"{s.path}:{node.lineno} {node.name}": length(node) for s in product() for node in s.functions()}


def _file_lengths() -> dict[str, int]:
    return {source.path: len(source.text.splitlines()) for source in product()}


def _p95(numbers: list[int]) -> float:
    return quantiles(numbers, n=20)[-1]


def test_functions_rarely_pass_40_lines() -> None:
    assert _p95(list(_function_lengths().values())) <= 40


def test_no_function_passes_80_lines() -> None:
    assert {name: lines for name, lines in _function_lengths().items() if lines > 80} == {}


def test_files_rarely_pass_320_lines() -> None:
    assert _p95(list(_file_lengths().values())) <= 320


def test_no_file_passes_500_lines() -> None:
    assert {name: lines for name, lines in _file_lengths().items() if lines > 500} == {}
