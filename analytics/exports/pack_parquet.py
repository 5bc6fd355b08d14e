"""Pack the rows of an export into a Parquet file: a program of its own, which knows nothing but its two files.

The first has the columns as (name, kind), then batches of rows as a list of values for each column, all pickled.
"""

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow
import pyarrow.parquet

KINDS: Final = {
    "text": pyarrow.string(),
    "whole": pyarrow.int64(),
    "number": pyarrow.decimal128(24, 6),
    "moment": pyarrow.timestamp("us", tz="UTC"),
    "day": pyarrow.date32(),
    "flag": pyarrow.bool_(),
}
ROWS_OF_GROUP: Final = 20_000
"""What the index says of each group stays in memory to the end."""


def pack(rows: Path, packed: Path) -> None:
    """Write the Parquet file of these rows."""
    with rows.open("rb") as source:
        columns = pickle.load(source)  # noqa: S301  (the exporting process has just written it, in its private folder)
        schema = pyarrow.schema([(name, KINDS[kind]) for name, kind in columns])
        with pyarrow.parquet.ParquetWriter(packed, schema, compression="zstd") as file:
            for group in groups(source, schema):
                file.write_table(group, row_group_size=2 * ROWS_OF_GROUP)


def groups(source: BinaryIO, schema: Any) -> Iterator[Any]:
    """Yield the batches of rows, so many together."""
    waiting: list[Any] = []
    for batch in batches(source):
        arrays = [pyarrow.array(values, field.type) for values, field in zip(batch, schema, strict=True)]
        waiting.append(pyarrow.RecordBatch.from_arrays(arrays, schema=schema))
        if sum(one.num_rows for one in waiting) >= ROWS_OF_GROUP:
            yield pyarrow.Table.from_batches(waiting, schema)
            waiting = []
    if waiting:
        yield pyarrow.Table.from_batches(waiting, schema)


def batches(source: BinaryIO) -> Iterator[list[list[Any]]]:
    """Yield what was pickled, to the end of the file."""
    while True:
        try:
            yield pickle.load(source)  # noqa: S301  (as above)
        except EOFError:
            return


def tell(kind: type[BaseException], _error: BaseException, _trace: object) -> None:
    """Say what went wrong by its type alone: its text may name a value, and this gets into logs."""
    sys.stderr.write(f"pack_parquet: {kind.__name__}\n")


if __name__ == "__main__":
    sys.excepthook = tell
    pack(Path(sys.argv[1]), Path(sys.argv[2]))
