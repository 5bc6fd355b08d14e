"""Functions and files stay small."""

from statistics import median, quantiles

from tests.structure.source import length, product


def _function_lengths() -> dict[str, int]:
    return {f"{s.path}:{node.lineno} {node.name}": length(node) for s in product() for node in s.functions()}


def _file_lengths() -> dict[str, int]:
    return {source.path: len(source.text.splitlines()) for source in product()}


def _p95(numbers: list[int]) -> float:
    return quantiles(numbers, n=20)[-1]


def test_functions_have_eight_lines_in_the_median() -> None:
    assert median(_function_lengths().values()) <= 8


def test_functions_rarely_pass_35_lines() -> None:
    assert _p95(list(_function_lengths().values())) <= 35


def test_no_function_passes_60_lines() -> None:
    assert {name: lines for name, lines in _function_lengths().items() if lines > 60} == {}


def test_files_rarely_pass_320_lines() -> None:
    assert _p95(list(_file_lengths().values())) <= 320


def test_no_file_passes_500_lines() -> None:
    assert {name: lines for name, lines in _file_lengths().items() if lines > 500} == {}
