//! The process that a guest believes to be: no arguments, no environment, no files, no terminal, closed
//! stdin, and stdout and stderr that end in the call's log.

use wasmtime::{bail, component::Resource};
use wasmtime_wasi::{
    filesystem::Descriptor,
    p2::bindings::{
        cli::{
            environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
            terminal_stdin, terminal_stdout,
        },
        filesystem::preopens,
    },
};
use wasmtime_wasi_io::{
    async_trait,
    bytes::Bytes,
    poll::Pollable,
    streams::{DynInputStream, DynOutputStream, InputStream, OutputStream, StreamError, StreamResult},
};

use crate::{
    budget::HostState,
    log::{CallLog, Output},
};

/// Bytes that one write may carry.
const MAX_WRITE_BYTES: usize = 64 << 10;

/// The guest called `exit`. A guest answers calls; it has no process to end.
#[derive(Debug, thiserror::Error)]
#[error("the guest called exit with status {0}")]
struct Exited(u8);

impl environment::Host for HostState {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl preopens::Host for HostState {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        Ok(Vec::new())
    }
}

impl exit::Host for HostState {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        Err(Exited(u8::from(status.is_err())).into())
    }

    fn exit_with_code(&mut self, status: u8) -> wasmtime::Result<()> {
        Err(Exited(status).into())
    }
}

impl stdin::Host for HostState {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let stream: DynInputStream = Box::new(Closed);
        Ok(self.wasi.table.push(stream)?)
    }
}

impl stdout::Host for HostState {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.output(Output::Stdout)
    }
}

impl stderr::Host for HostState {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.output(Output::Stderr)
    }
}

impl HostState {
    fn output(&mut self, output: Output) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(LogStream { log: self.log.clone(), output });
        Ok(self.wasi.table.push(stream)?)
    }
}

/// An input that has ended.
struct Closed;

#[async_trait]
impl Pollable for Closed {
    async fn ready(&mut self) {}
}

#[async_trait]
impl InputStream for Closed {
    fn read(&mut self, _: usize) -> StreamResult<Bytes> {
        Err(StreamError::Closed)
    }
}

/// An output that goes line-wise into the call's log. It takes everything; what is over the log's budget
/// is dropped there.
struct LogStream {
    log: CallLog,
    output: Output,
}

#[async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > MAX_WRITE_BYTES {
            return Err(StreamError::trap("write of more than check-write allowed"));
        }
        self.log.append(self.output, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE_BYTES)
    }
}

/// There is no terminal, so nothing can be dropped.
macro_rules! no_terminal {
    ($($interface:ident $function:ident $resource:ident;)*) => { $(
        impl $interface::Host for HostState {
            fn $function(&mut self) -> wasmtime::Result<Option<Resource<$resource>>> {
                Ok(None)
            }
        }
    )* };
}

use terminal_input::TerminalInput;
use terminal_output::TerminalOutput;

no_terminal! {
    terminal_stdin get_terminal_stdin TerminalInput;
    terminal_stdout get_terminal_stdout TerminalOutput;
    terminal_stderr get_terminal_stderr TerminalOutput;
}

impl terminal_input::Host for HostState {}

impl terminal_input::HostTerminalInput for HostState {
    fn drop(&mut self, _: Resource<TerminalInput>) -> wasmtime::Result<()> {
        bail!("no terminal was given")
    }
}

impl terminal_output::Host for HostState {}

impl terminal_output::HostTerminalOutput for HostState {
    fn drop(&mut self, _: Resource<TerminalOutput>) -> wasmtime::Result<()> {
        bail!("no terminal was given")
    }
}
