// validAfter and validBefore against the clock.

import { ask, invalid, NOW, pay, simulation, valid } from "./payment.mjs";

export async function generate({ write, chain }) {
  const accepts = async (name, authorization, asked = {}) => {
    const payment = await pay({ authorization });
    write(name, {
      request: ask("verify", payment, { phase: "verify", ...asked }),
      exchanges: [await chain.exchange(simulation(payment))],
      expect: valid(payment),
    });
  };
  const rejects = async (name, authorization, reason, message, asked = {}) => {
    write(name, {
      request: ask("verify", await pay({ authorization }), { phase: "verify", ...asked }),
      expect: invalid(`invalid_exact_evm_payload_authorization_${reason}`, message),
    });
  };
  const soonest = (seconds) => `validBefore: expected at least ${NOW + 6}, found ${NOW + seconds}`;

  await accepts("accepts_six_seconds_left", { validBefore: String(NOW + 6) });
  await rejects("rejects_five_seconds_left", { validBefore: String(NOW + 5) }, "valid_before", soonest(5));
  await rejects("rejects_expiring_now", { validBefore: String(NOW) }, "valid_before", soonest(0));
  await rejects("rejects_expired_by_one_second", { validBefore: String(NOW - 1) }, "valid_before", soonest(-1));
  await rejects("rejects_never_valid", { validBefore: "0" }, "valid_before",
    `validBefore: expected at least ${NOW + 6}, found 0`);
  await accepts("accepts_seconds_left_that_the_operator_set", { validBefore: String(NOW + 20) },
    { settings: { minValiditySeconds: 20 } });
  await rejects("rejects_fewer_seconds_left_than_the_operator_set", { validBefore: String(NOW + 19) }, "valid_before",
    `validBefore: expected at least ${NOW + 20}, found ${NOW + 19}`, { settings: { minValiditySeconds: 20 } });
  await accepts("accepts_no_expiry", { validBefore: String(2n ** 256n - 1n) });

  await accepts("accepts_valid_after_zero", { validAfter: "0" });
  await accepts("accepts_valid_after_before_the_last_block", { validAfter: String(NOW - 3) });
  await rejects("rejects_valid_after_now", { validAfter: String(NOW) }, "valid_after",
    `validAfter: expected less than ${NOW}, found ${NOW}`);
  await rejects("rejects_valid_in_one_second", { validAfter: String(NOW + 1) }, "valid_after",
    `validAfter: expected less than ${NOW}, found ${NOW + 1}`);
  await rejects("rejects_valid_after_uint256", { validAfter: String(2n ** 256n - 1n) }, "valid_after",
    `validAfter: expected less than ${NOW}, found ${2n ** 256n - 1n}`);
}
