// How requests to a chain and to a store tell what they ask for, and how an answer is put together.

/** Ethereum's JSON-RPC, single and in batches. */
export const jsonRpcProtocol = {
  contentType: "application/json",

  /** By which a rule knows a call. One without parameters only asks whether the node has the method. */
  name: ({ method, params }) => (/^eth_sendRaw/.test(method) && !params?.length ? `${method} (probe)` : method),

  read(_request, body) {
    const parsed = JSON.parse(body.toString("utf8"));
    return { isBatch: Array.isArray(parsed), calls: [parsed].flat() };
  },

  write({ isBatch }, calls) {
    return Buffer.from(JSON.stringify(isBatch ? calls : calls[0]));
  },

  answerTo(shape, call, answer) {
    shape.answers ??= new Map([JSON.parse(answer.body.toString("utf8"))].flat().map((one) => [one.id, one]));
    const { result, error } = shape.answers.get(call.id) ?? {};
    return error ? { error } : { result };
  },

  writeAnswers({ isBatch }, answers) {
    const messages = answers.map(([{ id }, answer]) => ({ jsonrpc: "2.0", id, ...answer }));
    return JSON.stringify(isBatch ? messages : messages[0]);
  },
};

/** DynamoDB: one operation per request, named by a header. */
export const dynamoDbProtocol = {
  contentType: "application/x-amz-json-1.0",

  name: ({ method }) => method,

  read(request, body) {
    const method = String(request.headers["x-amz-target"] ?? "").split(".").at(-1);
    return { calls: [{ method, params: body.length > 0 ? JSON.parse(body.toString("utf8")) : {} }] };
  },

  write(_shape, [{ params }]) {
    return Buffer.from(JSON.stringify(params));
  },

  answerTo(_shape, _call, answer) {
    return { result: JSON.parse(answer.body.toString("utf8")) };
  },

  writeAnswers(_shape, [[, { result }]]) {
    return JSON.stringify(result);
  },
};
