const ports = new URL("./ports.mjs", import.meta.url).href;

/** A module hook of Node.js. */
export function resolve(specifier, context, next) {
  return specifier.startsWith("x402:scheme/") ? { url: ports, shortCircuit: true } : next(specifier, context);
}
