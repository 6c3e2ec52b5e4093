"""Compares views with the tables that were loaded: judge_tables.py MANIFEST READER, READER one of text, pyarrow, pandas, glue, spark,
node, lake (node in place).

The manifest lists views: {"name", "folder" (their files), "lake" (the same files where the service keeps them), "format", "partition", "sort", "columns": [[name, type]], "rows": [[text or null]]}.
Prints "cells N differences M", after a line for each difference.
"""
import datetime
import json
import math
import os
import struct
import subprocess
import sys
from urllib.parse import unquote

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def instant(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1_000_000 + 0.5)


def exact_instant(value):
    delta = value.replace(tzinfo=value.tzinfo or datetime.timezone.utc) - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds


def of_text(kind, text):
    """The value that a cell of text is."""
    if text is None:
        return None
    if kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT"):
        return int(text)
    if kind == "FLOAT":
        return struct.unpack("f", struct.pack("f", float(text)))[0]
    if kind == "DOUBLE":
        return float(text)
    if kind == "BOOLEAN":
        return text.lower() in ("true", "1")
    if kind == "DATE":
        return datetime.date.fromisoformat(text)
    if kind == "DATETIME":
        return exact_instant(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")))
    if kind == "BINARY":
        return text.encode()
    return text


def of_value(kind, value):
    """The same of what a reader of Parquet gives."""
    if value is None or value is False and kind != "BOOLEAN":
        return None
    if kind == "DATETIME" and isinstance(value, datetime.datetime):
        return exact_instant(value)
    if kind == "BINARY":
        return bytes(value)
    if kind in ("FLOAT", "DOUBLE") and isinstance(value, (int, float)):
        return of_text(kind, repr(float(value)))
    if isinstance(value, str) and kind not in ("STRING", "CHAR"):
        return of_text(kind, value)
    return value


def parse_csv(text):
    """Records of fields; a field that is empty and not quoted is None."""
    records, fields, field, at, quoted, was_quoted = [], [], [], 0, False, False

    def end_field():
        nonlocal field, was_quoted
        value = "".join(field)
        fields.append(None if value == "" and not was_quoted else value)
        field, was_quoted = [], False

    while at < len(text):
        c = text[at]
        if quoted:
            if c == '"' and text[at + 1 : at + 2] == '"':
                field.append('"')
                at += 1
            elif c == '"':
                quoted = False
            else:
                field.append(c)
        elif c == '"' and not field:
            quoted = was_quoted = True
        elif c == ",":
            end_field()
        elif c == "\n":
            end_field()
            records.append(fields)
            fields = []
        else:
            field.append(c)
        at += 1
    return records


def files_of(folder, suffix):
    found = []
    for root, _, names in os.walk(folder):
        found += [os.path.join(root, name) for name in names if name.endswith(suffix)]
    return sorted(found, key=lambda path: os.path.basename(path))


def folder_values(view, path):
    values = {}
    for part in os.path.relpath(os.path.dirname(path), view["folder"]).split("/"):
        name, found, value = part.partition("=")
        if found:
            values[unquote(name)] = None if value == NO_VALUE else unquote(value)
    return values


def read_text(view):
    kinds = dict(view["columns"])
    for path in files_of(view["folder"], ".csv"):
        with open(path, newline="", encoding="utf-8") as opened:
            records = parse_csv(opened.read())
        names = records[0]
        for record in records[1:]:
            yield [of_text(kinds[name], value) for name, value in zip(names, record)]


def rows_of_table(view, path, table):
    folders, names = folder_values(view, path), [name for name, _ in view["columns"]]
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    for at in range(table.num_rows):
        row = []
        for name, kind in view["columns"]:
            row.append(of_text(kind, folders[name]) if name in folders else of_value(kind, columns[name][at]))
        yield row


def read_pyarrow(view):
    import pyarrow.parquet

    for path in files_of(view["folder"], ".parquet"):
        yield from rows_of_table(view, path, pyarrow.parquet.ParquetFile(path).read())


def read_pandas(view):
    import pandas
    import pyarrow

    for path in files_of(view["folder"], ".parquet"):
        frame = pandas.read_parquet(path, dtype_backend="pyarrow", partitioning=None)
        yield from rows_of_table(view, path, pyarrow.Table.from_pandas(frame, preserve_index=False))


def read_glue(view):
    import awswrangler
    import boto3

    awswrangler.config.s3_endpoint_url = awswrangler.config.glue_endpoint_url = os.environ["JUDGE_ENDPOINT"]
    frame = awswrangler.s3.read_parquet_table(
        database="finspace", table=view["table"], boto3_session=boto3.Session(), dtype_backend="pyarrow"
    )
    for record in frame.astype(object).itertuples(index=False):
        values = dict(zip(frame.columns, record))
        yield [of_value(kind, none_of(values[name])) for name, kind in view["columns"]]


def none_of(value):
    import pandas

    return None if value is None or value is pandas.NA or value is pandas.NaT or value == NO_VALUE else value


SPARK = []


def spark():
    if not SPARK:
        from pyspark.sql import SparkSession

        SPARK.append(
            SparkSession.builder.master("local[1]")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
            .config("spark.ui.enabled", "false")
            .getOrCreate()
        )
    return SPARK[0]


def read_spark(view):
    frame = spark().read.option("basePath", view["folder"]).parquet(view["folder"])
    for record in frame.collect():
        row = []
        for name, kind in view["columns"]:
            value = record[name]
            row.append(of_text(kind, value) if name in view["partition"] else of_value(kind, utc(value)))
        yield row


def utc(value):
    # Spark hands out an instant as a time of this process' zone, which the caller sets to UTC.
    return value.replace(tzinfo=datetime.timezone.utc) if isinstance(value, datetime.datetime) else value


def of_duckdb(kind, type_, text):
    if text is None:
        return None
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return int(text)
    return bytes.fromhex(text) if type_ == "BLOB" else of_text(kind, text)


def read_by_node(view, folder):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "interop", "read_parquet.mjs")
    said = subprocess.run(["node", script, folder], cwd=os.environ["JUDGE_NODE"], capture_output=True, text=True, check=False)
    if said.returncode:
        raise RuntimeError(said.stderr)
    found = json.loads(said.stdout)
    at = {name: (i, type_) for i, (name, type_) in enumerate(found["columns"])}
    for record in found["rows"]:
        yield [of_duckdb(kind, at[name][1], record[at[name][0]]) for name, kind in view["columns"]]


def read_node(view):
    return read_by_node(view, view["folder"])


def read_lake(view):
    return read_by_node(view, view["lake"])


READERS = {
    "text": read_text,
    "pyarrow": read_pyarrow,
    "pandas": read_pandas,
    "glue": read_glue,
    "spark": read_spark,
    "node": read_node,
    "lake": read_lake,
}


def order_key(value):
    if value is None:
        return (1, 0)
    return (0, value.encode() if isinstance(value, str) else value)


def expected(view):
    rows = [[of_text(kind, cell) for (_, kind), cell in zip(view["columns"], row)] for row in view["rows"]]
    at = [[name for name, _ in view["columns"]].index(name) for name in view["sort"]]
    rows.sort(key=lambda row: [order_key(row[i]) for i in at])
    return rows


def loose(row):
    return tuple(order_key(cell) for cell in row)


def without_empty(view, row):
    # A folder's name does not tell "" from NULL.
    names = [name for name, _ in view["columns"]]
    return [None if name in view["partition"] and cell in ("", b"") else cell for name, cell in zip(names, row)]


def compare(view, reader):
    wanted, found = expected(view), list(READERS[reader](view))
    if view["partition"] or reader in ("glue", "spark"):
        wanted = sorted((without_empty(view, row) for row in wanted), key=loose)
        found = sorted((without_empty(view, row) for row in found), key=loose)
    differences = abs(len(wanted) - len(found)) * max(1, len(view["columns"]))
    for left, right in zip(wanted, found):
        for (name, _), a, b in zip(view["columns"], left, right):
            same = a == b or isinstance(a, float) and isinstance(b, float) and math.isclose(a, b, rel_tol=0, abs_tol=0)
            if not same:
                differences += 1
                print(view["name"], reader, name, repr(a), repr(b))
    return len(wanted) * len(view["columns"]), differences


def main():
    with open(sys.argv[1], encoding="utf-8") as opened:
        views = json.load(opened)
    reader, cells, differences = sys.argv[2], 0, 0
    for view in views:
        if (view["format"] == "DELIMITED_TEXT") != (reader == "text") or reader == "glue" and not view.get("table"):
            continue
        more, wrong = compare(view, reader)
        cells, differences = cells + more, differences + wrong
    print("cells %d differences %d" % (cells, differences))


main()
