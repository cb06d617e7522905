#!/usr/bin/env python3
"""Serves moto's emulation of AWS on a free loopback port, until stdin closes.

Prints one line, {"endpoint": "http://127.0.0.1:PORT"}, when it answers. Everything is in memory, and a port of
its own per process: tests do not meet. stdin is the life line: whoever started this holds the other end, so
that nothing is left behind by a test that is killed.

One lock around every request: moto checks a condition and writes in two steps, which two threads would mix up,
while DynamoDB promises that they are one.

usage: tests/devnet/aws/.venv/bin/python tests/devnet/aws/moto.py   (after scripts/install-moto.sh)
"""

import collections
import copy
import inspect
import json
import logging
import os
import sys
import threading
import types

# This file has the name of the package: Python would find it first.
sys.path.remove(os.path.dirname(os.path.abspath(__file__)))

import moto.dynamodb.models as dynamodb  # noqa: E402
from moto.dynamodb.models.dynamo_type import DynamoType  # noqa: E402
from moto.dynamodb.models.table import Table  # noqa: E402
from moto.server import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402

SERVICES = ["dynamodb", "secretsmanager"]


def copy_only_what_a_transaction_touches():
    """moto copies whole tables before each transaction, to be able to take it back: with a few thousand items
    that is a tenth of a second. Only the items that the transaction names can change."""
    write = dynamodb.DynamoDBBackend.transact_write_items
    touched = []

    def snapshot(table):
        before = copy.copy(table)
        before.items = collections.defaultdict(dict, table.items)
        for key in touched:
            names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
            partition, *sort = [DynamoType(key[name]) for name in names]
            if partition not in table.items:
                continue
            if not sort:
                before.items[partition] = copy.deepcopy(table.items[partition])
                continue
            before.items[partition] = dict(before.items[partition])
            if sort[0] in before.items[partition]:
                before.items[partition][sort[0]] = copy.deepcopy(table.items[partition][sort[0]])
        return before

    def deepcopy(value, memo=None):
        return snapshot(value) if isinstance(value, Table) else copy.deepcopy(value, memo)

    def transact(self, transact_items):
        operations = [operation for item in transact_items for operation in item.values()]
        touched[:] = [operation.get("Item") or operation.get("Key") or {} for operation in operations]
        return write(self, transact_items)

    dynamodb.copy = types.SimpleNamespace(deepcopy=deepcopy, copy=copy.copy)
    dynamodb.DynamoDBBackend.transact_write_items = transact


def look_only_into_the_partition_asked_for():
    """moto sorts the whole table for each query of one partition: with a thousand items that takes ten times as
    long as all the rest. What it does with the items that it is given here is left to it."""
    query, all_items = Table.query, Table.all_items
    parameters = inspect.signature(query)
    partitions = []

    def of_one_partition(self, *arguments, **named):
        asked = parameters.bind(self, *arguments, **named).arguments
        partitions[:] = [] if asked.get("index_name") else [asked["hash_key"]]
        try:
            return query(self, *arguments, **named)
        finally:
            partitions.clear()

    def items(self):
        if not partitions or not self.range_key_attr:
            return all_items(self)
        return [item for partition in partitions for item in self.items.get(partition, {}).values()]

    Table.query, Table.all_items = of_one_partition, items


class QuietHandler(WSGIRequestHandler):
    """HTTP/1.1, so that connections are kept as AWS keeps them."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


def one_at_a_time(application):
    """The application, with one request in it at a time, body of the answer included."""
    lock = threading.Lock()

    def call(environ, start_response):
        with lock:
            answer = application(environ, start_response)
            try:
                return [b"".join(answer)]
            finally:
                getattr(answer, "close", lambda: None)()

    return call


def main():
    logging.disable(logging.CRITICAL)
    copy_only_what_a_transaction_touches()
    look_only_into_the_partition_asked_for()
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server(
        "127.0.0.1", 0, one_at_a_time(application), threaded=True, request_handler=QuietHandler
    )
    # Loaded before anybody asks: the first request would wait for it, perhaps longer than a client does.
    for service in SERVICES:
        application.app_instances[service] = create_backend_app(service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"endpoint": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


main()
