"""The official Python client, driven by the tests.

Reads one JSON command per line on stdin and answers each with one JSON line on stdout, so that the
tests' assertions stay in one place. What the client raises is an answer too: {"raised": text}.

Commands: {"do": "pay", "url", "key"}
          {"do": "verify" | "settle", "facilitator", "payload", "requirements"}
          {"do": "supported", "facilitator"}
"""

import json
import sys

from eth_account import Account
from x402 import x402ClientSync
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync, decode_payment_response_header
from x402.http.clients import x402_requests
from x402.mechanisms.evm.exact import register_exact_evm_client

SECONDS = 35


def pay(command):
    client = register_exact_evm_client(x402ClientSync(), Account.from_key(command["key"]))
    with x402_requests(client) as session:
        response = session.get(command["url"], timeout=SECONDS)
    header = response.headers.get("PAYMENT-RESPONSE") or response.headers.get("X-PAYMENT-RESPONSE")
    return {
        "status": response.status_code,
        "body": response.json(),
        "settlement": dump(decode_payment_response_header(header)) if header else None,
    }


def ask(command):
    """Verify or settle through the client's bytes entry points, which pass on what they are given."""
    payload = json.dumps(command["payload"]).encode()
    requirements = json.dumps(command["requirements"]).encode()
    with facilitator(command) as client:
        call = client.verify_from_bytes if command["do"] == "verify" else client.settle_from_bytes
        return dump(call(payload, requirements))


def supported(command):
    with facilitator(command) as client:
        return dump(client.get_supported())


def facilitator(command):
    return HTTPFacilitatorClientSync(FacilitatorConfig(url=command["facilitator"], timeout=SECONDS))


def dump(model):
    return model.model_dump(by_alias=True, exclude_none=True)


COMMANDS = {"pay": pay, "verify": ask, "settle": ask, "supported": supported}

for line in sys.stdin:
    command = json.loads(line)
    try:
        answer = COMMANDS[command["do"]](command)
    except Exception as error:  # whatever it is, the test judges it
        answer = {"raised": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
