//! Guests that reach for networks, methods and secrets that they were not given.

use anyhow::ensure;

use crate::{
    attack::{Attack, Expect, Seen, Told},
    logs,
};

const REACHED: Expect = Expect::unsigned(Told::Refused("reached"), Told::Refused("reached"));
/// What the host itself asks this node for, and what the shipped guest does.
const USUAL: &[&str] = &[
    "eth_blockNumber",
    "eth_call",
    "eth_chainId",
    "eth_estimateGas",
    "eth_gasPrice",
    "eth_getBalance",
    "eth_getBlockByNumber",
    "eth_getCode",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_maxPriorityFeePerGas",
    "eth_sendRawTransaction",
    "eth_sendRawTransactionSync",
];

pub(super) const ATTACKS: &[Attack] = &[
    Attack::lie("rpc-flood", Expect::FAILS),
    Attack::lie("rpc-flood-in-a-batch", Expect::FAILS),
    Attack::lie("rpc-params-of-4-mib", Expect::FAILS),
    Attack::lie("rpc-methods", REACHED).and(no_other_method_is_asked),
    Attack::lie("rpc-networks", REACHED).and(the_other_network_is_not_asked),
    Attack::lie("rpc-smuggle", REACHED).and(no_other_method_is_asked),
    Attack::lie("secret-hunt", REACHED).and(errors_are_told_without_secrets),
];

fn no_other_method_is_asked(seen: &Seen<'_>) -> anyhow::Result<()> {
    let asked = seen.facilitator.node.methods();
    let unusual: Vec<&String> = asked.iter().filter(|method| !USUAL.contains(&method.as_str())).collect();
    ensure!(unusual.is_empty(), "the node was asked for {unusual:?}");
    // Six are asked with our own network and a method that no guest is given, and one is granted.
    ensure!(seen.verify.text.len() < 1_000, "the answer is short");
    Ok(())
}

fn the_other_network_is_not_asked(seen: &Seen<'_>) -> anyhow::Result<()> {
    // The host attests the network next door; only guests call.
    ensure!(seen.facilitator.other_node.asked("eth_chainId") > 0, "the node next door is there");
    ensure!(seen.facilitator.other_node.asked("eth_call") == 0, "the node next door was asked");
    Ok(())
}

/// That no answer and no log line holds a secret is checked for every attack. Here the guest was really told
/// something, and passed it on.
fn errors_are_told_without_secrets(seen: &Seen<'_>) -> anyhow::Result<()> {
    let told = logs::of_guests(seen.log).join("\n");
    ensure!(told.contains("provider.example"), "the guest was told the node's error: {told}");
    ensure!(told.contains("…"), "something was taken out: {told}");
    ensure!(told.contains("\"signers\""), "the guest logged its settings: {told}");
    Ok(())
}
