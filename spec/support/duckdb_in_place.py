"""Reads a view's Parquet where it lies, with DuckDB over Arrow's S3: no file is fetched beforehand. Prints JSON."""

import json
import sys

import duckdb
from fsspec.implementations.arrow import ArrowFSWrapper
from pyarrow.fs import FileSelector, S3FileSystem

asked = json.load(sys.stdin)
store = S3FileSystem(
    access_key=asked["key"], secret_key=asked["secret"], session_token=asked["token"], region="us-east-1",
    endpoint_override=asked["endpoint"], scheme=asked["endpoint"].split(":")[0])
connection = duckdb.connect()
connection.register_filesystem(ArrowFSWrapper(store))
listed = store.get_file_info(FileSelector("%s/%s" % (asked["bucket"], asked["prefix"].rstrip("/"))))
places = ["s3://" + file.path for file in listed if file.path.endswith(".parquet")]
rows = connection.execute("SELECT day::VARCHAR, price FROM read_parquet(?) ORDER BY day", [places]).fetchall()
json.dump(rows, sys.stdout)
