// Ways in which an upstream fails, as parts of a rule: `proxy.add({ methods: "eth_call", times: 3, ...drop() })`.

import { setTimeout as sleep } from "node:timers/promises";

/** The connection breaks before the request arrives. */
export const drop = () => ({ before: (exchange) => exchange.drop() });

/** The request arrives, and the connection breaks before the answer does. */
export const dropAnswer = () => ({ after: (exchange) => exchange.drop() });

/** The request takes long to arrive. */
export const delay = (milliseconds) => ({ before: () => sleep(milliseconds) });

/** The answer takes long. */
export const delayAnswer = (milliseconds) => ({ after: () => sleep(milliseconds) });

/** The request arrives twice. */
export const duplicate = () => ({ before: (exchange) => exchange.forwardAlso() });

/** Accepted and never answered. */
export const silence = () => ({ before: (exchange) => exchange.hang() });

/** The request arrives and does its work; its answer never comes. */
export const silenceAfter = () => ({ after: (exchange) => exchange.hang() });

/** An HTTP error. */
export const status = (code, text = "", headers = {}) => ({
  before: (exchange) => exchange.respond(code, text, headers),
});

/** Something that is no answer at all. */
export const garbage = () => ({ after: (exchange) => exchange.respond(200, "<html><body>upstream \u0000 error</body></html>") });

/** The answer ends in the middle. */
export const truncated = () => ({
  after: (exchange) => exchange.respond(200, exchange.text.slice(0, Math.floor(exchange.text.length / 2))),
});

/** The node answers a call with an error of its own, and does nothing. */
export const rpcError = (message, code = -32000) => ({
  before: (exchange, calls) => calls.forEach((call) => exchange.answerCall(call, { error: { code, message } })),
});

/** The node does what it was asked, and says that it could not. */
export const rpcErrorAfter = (message, code = -32000) => ({
  after: (exchange, calls) => calls.forEach((call) => exchange.answerCall(call, { error: { code, message } })),
});

const dynamoDbError = (httpStatus, type, message) =>
  status(httpStatus, JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message }));

/** DynamoDB takes no more for now. */
export const throttle = () =>
  dynamoDbError(400, "ProvisionedThroughputExceededException", "The level of configured throughput was exceeded");

/** DynamoDB's own failure. */
export const internalError = () => dynamoDbError(500, "InternalServerError", "Internal server error");

/** The role may read and no longer write. */
export const accessDenied = () => dynamoDbError(400, "AccessDeniedException", "not authorized to perform this operation");

/** Operations of DynamoDB that change something. */
export const STORE_WRITES = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"];

/** Methods that hand a signed transaction to a node. */
export const SENDS = ["eth_sendRawTransaction", "eth_sendRawTransactionSync"];
