// The facilitator client of protocol version 1, for tests that live outside this package.
export { useFacilitator } from "x402/verify";
