// Request bodies that are no good request, each wrong in its own way.
//
// `make(good)` gets the text and the object of a good request and returns what is sent: a string or
// buffer goes out as it is. `status` lists the HTTP statuses that are right for it, 200 meaning a
// verdict; `reason` is checked where exactly one is right.

const MALFORMED = [400];
const VERDICT = [200];

const changed = (object, change) => {
  const copy = structuredClone(object);
  change(copy);
  return JSON.stringify(copy);
};
const both = (change) => (body) => {
  change(body.paymentRequirements);
  change(body.paymentPayload.accepted);
};

export const badRequests = [
  { name: "empty body", status: MALFORMED, make: () => "" },
  { name: "white space only", status: MALFORMED, make: () => " \n\t " },
  { name: "truncated in the middle", status: MALFORMED, make: ({ text }) => text.slice(0, text.length / 2) },
  { name: "last bracket missing", status: MALFORMED, make: ({ text }) => text.slice(0, -1) },
  { name: "something after the end", status: MALFORMED, make: ({ text }) => `${text}{}` },
  { name: "not JSON", status: MALFORMED, make: () => "x402Version=2&paymentPayload=1" },
  { name: "null", status: MALFORMED, make: () => "null" },
  { name: "an array", status: MALFORMED, make: ({ text }) => `[${text}]` },
  { name: "a string", status: MALFORMED, make: ({ text }) => JSON.stringify(text) },
  { name: "an empty object", status: MALFORMED, make: () => "{}" },
  { name: "100,000 open brackets", status: [400, 413], make: () => "[".repeat(100_000) },
  { name: "60,000 nested brackets", status: MALFORMED, make: () => "[".repeat(30_000) + "]".repeat(30_000) },
  {
    name: "deep nesting inside a good request",
    status: MALFORMED,
    make: ({ text }) => text.replace('"extra":{', `"extra":{"deep":${"[".repeat(5000)}${"]".repeat(5000)},`),
  },
  { name: "10 MB of white space", status: [413], make: ({ text }) => text + " ".repeat(10 << 20) },
  {
    name: "10 MB in a field",
    status: [413],
    make: ({ object }) => changed(object, (body) => (body.paymentPayload.payload.signature = "0".repeat(10 << 20))),
  },
  { name: "paymentPayload missing", status: MALFORMED, make: ({ object }) => changed(object, (body) => delete body.paymentPayload) },
  {
    name: "paymentRequirements missing",
    status: MALFORMED,
    make: ({ object }) => changed(object, (body) => delete body.paymentRequirements),
  },
  { name: "paymentPayload a string", status: MALFORMED, make: ({ object }) => changed(object, (body) => (body.paymentPayload = "x")) },
  { name: "paymentRequirements null", status: MALFORMED, make: ({ object }) => changed(object, (body) => (body.paymentRequirements = null)) },
  { name: "amount a number", status: MALFORMED, make: ({ object }) => changed(object, both((wanted) => (wanted.amount = 1000))) },
  { name: "amount with an exponent", status: MALFORMED, make: ({ object }) => changed(object, both((wanted) => (wanted.amount = "1e3"))) },
  { name: "amount negative", status: MALFORMED, make: ({ object }) => changed(object, both((wanted) => (wanted.amount = "-1000"))) },
  { name: "payTo a number", status: MALFORMED, make: ({ object }) => changed(object, both((wanted) => (wanted.payTo = 7))) },
  { name: "asset an object", status: MALFORMED, make: ({ object }) => changed(object, both((wanted) => (wanted.asset = {}))) },
  { name: "maxTimeoutSeconds a fraction", status: MALFORMED, make: ({ object }) => changed(object, both((wanted) => (wanted.maxTimeoutSeconds = 1.5))) },
  { name: "payTo no address", status: [200, 400], make: ({ object }) => changed(object, both((wanted) => (wanted.payTo = "0x12"))) },
  { name: "scheme's payload a string", status: [200, 400], make: ({ object }) => changed(object, (body) => (body.paymentPayload.payload = "x")) },
  { name: "scheme's payload empty", status: [200, 400], make: ({ object }) => changed(object, (body) => (body.paymentPayload.payload = {})) },
  {
    name: "validBefore a number",
    status: [200, 400],
    make: ({ object }) => changed(object, (body) => (body.paymentPayload.payload.authorization.validBefore = 1e300)),
  },
  {
    name: "nonce too short",
    status: [200, 400],
    make: ({ object }) => changed(object, (body) => (body.paymentPayload.payload.authorization.nonce = "0x01")),
  },
  {
    name: "signature no hex",
    status: [200, 400],
    make: ({ object }) => changed(object, (body) => (body.paymentPayload.payload.signature = "0xzz")),
  },
  {
    name: "unknown version",
    status: MALFORMED,
    reason: "invalid_x402_version",
    make: ({ object }) =>
      changed(object, (body) => {
        body.x402Version = 3;
        body.paymentPayload.x402Version = 3;
      }),
  },
  {
    name: "two versions that differ",
    status: MALFORMED,
    reason: "invalid_x402_version",
    make: ({ object }) => changed(object, (body) => (body.x402Version = 1)),
  },
  {
    name: "version a string",
    status: MALFORMED,
    reason: "invalid_x402_version",
    make: ({ object }) => changed(object, (body) => (body.x402Version = "2")),
  },
  {
    name: "unknown scheme",
    status: VERDICT,
    reason: "unsupported_scheme",
    make: ({ object }) => changed(object, both((wanted) => (wanted.scheme = "barter"))),
  },
  {
    name: "unknown network",
    status: VERDICT,
    reason: "invalid_network",
    make: ({ object }) => changed(object, both((wanted) => (wanted.network = "eip155:999999"))),
  },
  {
    name: "a network that is none",
    status: VERDICT,
    reason: "invalid_network",
    make: ({ object }) => changed(object, both((wanted) => (wanted.network = "../../etc/passwd"))),
  },
  {
    name: "a v1 network name in a v2 request",
    status: VERDICT,
    reason: "invalid_network",
    make: ({ object }) => changed(object, both((wanted) => (wanted.network = "base-sepolia"))),
  },
  { name: "duplicate key at the top", status: MALFORMED, make: ({ text }) => text.replace("{", '{"x402Version":2,') },
  {
    name: "duplicate key deep inside",
    status: MALFORMED,
    make: ({ text }) => text.replace('"authorization":{', '"authorization":{"value":"1",'),
  },
  { name: "a NUL byte", status: MALFORMED, make: ({ text }) => text.replace('"exact"', '"exa\0ct"') },
  { name: "an escaped NUL", status: [200, 400], make: ({ text }) => text.replaceAll('"exact"', '"exact\\u0000"') },
  { name: "a lone surrogate", status: MALFORMED, make: ({ text }) => text.replace('"exact"', '"\\ud800"') },
  {
    name: "bytes that are no UTF-8",
    status: MALFORMED,
    make: ({ text }) => Buffer.from(text.replace('"exact"', '"exa\u00ffct"'), "latin1"),
  },
];
