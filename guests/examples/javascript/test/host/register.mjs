// Lets the guest run in Node.js: what it imports from its host comes from `ports.mjs`.

import { register } from "node:module";

register("./resolve.mjs", import.meta.url);
