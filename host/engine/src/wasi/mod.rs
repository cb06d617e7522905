//! Virtual WASI: what compilers other than ours take for granted, with nothing behind it.
//!
//! Of `wasmtime-wasi` the bindings and the machinery of streams and polls are used, and nothing that
//! reaches the operating system is linked. What is answered here:
//!
//! | interface | answer |
//! |---|---|
//! | `cli/environment`, `filesystem/preopens` | nothing there |
//! | `cli/stdin` | closed; `cli/terminal-*`: no terminal |
//! | `cli/stdout`, `cli/stderr` | lines in the call's log, info and warn, within its budget |
//! | `cli/exit` | ends the call as a trap |
//! | `clocks/wall-clock` | the call's clock port; stands still |
//! | `clocks/monotonic-clock` | the same, moved on by each sleep, which takes no real time |
//! | `random/*` | expanded from the seed of the call's entropy port |
//! | `io/*` | streams and polls of the above |
//!
//! Everything else in the `wasi:` namespace (files, sockets, HTTP) is a trap when it is called: a
//! toolchain that merely links it works, and a guest that uses it is told apart from one that found
//! nothing. Imports outside of that namespace are none of this module's business.
//!
//! All of it is a function of the ports and of what the guest does, so a call can be replayed. Not that
//! it ends at the same instruction when it runs out of CPU time, of course.

mod cli;
mod clocks;
mod random;
mod stubs;

use wasmtime::component::{HasData, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::{
    cli as cli_bindings, clocks as clock_bindings, filesystem, random as random_bindings,
};
use wasmtime_wasi_io::bindings::wasi::io;

use crate::{Entropy, budget::HostState};

pub(crate) use stubs::trap_the_rest;

/// Handles of streams and pollables that a guest may hold at once; more is a trap.
const MAX_HANDLES: usize = 1024;

/// Whether an import is of WASI, in whatever version.
pub(crate) fn is_wasi(import: &str) -> bool {
    import.starts_with("wasi:")
}

/// What one call has of WASI. Costs next to nothing as long as the guest uses none of it.
pub(crate) struct WasiCall {
    table: ResourceTable,
    time: clocks::Time,
    random: Option<random::Random>,
}

impl WasiCall {
    pub(crate) fn new(now_ms: u64) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        Self { table, time: clocks::Time::new(now_ms), random: None }
    }

    /// The random numbers of this call; the port is asked for a seed at the first use, once.
    fn random(&mut self, entropy: &dyn Entropy) -> &mut random::Random {
        self.random.get_or_insert_with(|| random::Random::new(entropy.seed()))
    }
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Puts what is answered into a linker.
pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    type State = HasSelf<HostState>;
    let table: fn(&mut HostState) -> &mut ResourceTable = |state| &mut state.wasi.table;
    io::error::add_to_linker::<HostState, Table>(linker, table)?;
    io::poll::add_to_linker::<HostState, Table>(linker, table)?;
    io::streams::add_to_linker::<HostState, Table>(linker, table)?;

    let state: fn(&mut HostState) -> &mut HostState = |state| state;
    cli_bindings::environment::add_to_linker::<HostState, State>(linker, state)?;
    cli_bindings::exit::add_to_linker::<HostState, State>(linker, state)?;
    cli_bindings::stdin::add_to_linker::<HostState, State>(linker, state)?;
    cli_bindings::stdout::add_to_linker::<HostState, State>(linker, state)?;
    cli_bindings::stderr::add_to_linker::<HostState, State>(linker, state)?;
    cli_bindings::terminal_input::add_to_linker::<HostState, State>(linker, state)?;
    cli_bindings::terminal_output::add_to_linker::<HostState, State>(linker, state)?;
    cli_bindings::terminal_stdin::add_to_linker::<HostState, State>(linker, state)?;
    cli_bindings::terminal_stdout::add_to_linker::<HostState, State>(linker, state)?;
    cli_bindings::terminal_stderr::add_to_linker::<HostState, State>(linker, state)?;
    clock_bindings::wall_clock::add_to_linker::<HostState, State>(linker, state)?;
    clock_bindings::monotonic_clock::add_to_linker::<HostState, State>(linker, state)?;
    random_bindings::random::add_to_linker::<HostState, State>(linker, state)?;
    random_bindings::insecure::add_to_linker::<HostState, State>(linker, state)?;
    random_bindings::insecure_seed::add_to_linker::<HostState, State>(linker, state)?;
    filesystem::preopens::add_to_linker::<HostState, State>(linker, state)?;
    Ok(())
}
