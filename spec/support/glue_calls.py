"""Asks Glue's read calls through boto3: glue_calls.py ENDPOINT VIEW; prints what came as JSON."""
import json
import sys

import boto3

glue = boto3.client("glue", endpoint_url=sys.argv[1], region_name="us-east-1")
name = "view_" + sys.argv[2]


def code_of(call, **params):
    try:
        call(**params)
    except glue.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "accepted"


def pairs(columns):
    return [[column["Name"], column["Type"]] for column in columns]


def partitions(**more):
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName="finspace", TableName=name, **more)
    return [partition for page in pages for partition in page["Partitions"]]


table = glue.get_table(DatabaseName="finspace", Name=name)["Table"]
tables = glue.get_paginator("get_tables").paginate(DatabaseName="finspace", PaginationConfig={"PageSize": 1})
print(
    json.dumps(
        {
            "databases": [database["Name"] for database in glue.get_databases()["DatabaseList"]],
            "database": glue.get_database(Name="finspace")["Database"]["Name"],
            "tables": sorted(found["Name"] == name for page in tables for found in page["TableList"]),
            "columns": pairs(table["StorageDescriptor"]["Columns"]),
            "keys": pairs(table["PartitionKeys"]),
            "location": table["StorageDescriptor"]["Location"],
            "partitions": {p["Values"][0]: p["StorageDescriptor"]["Location"] for p in partitions()},
            "paged": len(partitions(PaginationConfig={"PageSize": 1})),
            "wanted": [p["Values"][0] for p in partitions(Expression="d >= '2020-01-02'")],
            "unknown": code_of(glue.get_table, DatabaseName="finspace", Name="view_nothing"),
            "elsewhere": code_of(glue.get_tables, DatabaseName="elsewhere"),
            "write": code_of(glue.delete_table, DatabaseName="finspace", Name=name),
        }
    )
)
