//! The log of one call: lines of the guest's log port and of its stdout and stderr, under one budget.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{LogLevel, LogSink, outward};

/// Longest line of stdout or stderr; a longer one goes on in the next.
const MAX_LINE_BYTES: usize = 1 << 10;

/// Bytes that a line costs beside its text, so that many short ones are not free.
const LINE_OVERHEAD_BYTES: usize = 64;

/// Shared by the call's state and the streams that the guest holds.
#[derive(Clone)]
pub(crate) struct CallLog(Arc<Mutex<Lines>>);

struct Lines {
    sink: Arc<dyn LogSink>,
    bytes_left: usize,
    /// The line that has not ended yet, at most [`MAX_LINE_BYTES`].
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Where a guest writes text as to a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Stdout,
    Stderr,
}

impl Output {
    const fn level(self) -> LogLevel {
        match self {
            Self::Stdout => LogLevel::Info,
            Self::Stderr => LogLevel::Warn,
        }
    }
}

impl CallLog {
    pub(crate) fn new(sink: Arc<dyn LogSink>, budget_bytes: usize) -> Self {
        let lines = Lines { sink, bytes_left: budget_bytes, stdout: Vec::new(), stderr: Vec::new() };
        Self(Arc::new(Mutex::new(lines)))
    }

    /// Writes as much of `message` as the budget still allows, as one line.
    pub(crate) fn write(&self, level: LogLevel, message: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(level, message);
    }

    /// Takes bytes of stdout or stderr; whole lines are written. What has no end when the call ends is
    /// written then.
    pub(crate) fn append(&self, output: Output, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(output, bytes);
    }
}

impl Lines {
    fn write(&mut self, level: LogLevel, message: &str) {
        if message.is_empty() {
            return;
        }
        self.bytes_left = self.bytes_left.saturating_sub(LINE_OVERHEAD_BYTES);
        let mut end = message.len().min(self.bytes_left);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes_left -= end;
        match message.get(..end) {
            Some(text) if !text.is_empty() => self.sink.write(level, &outward::one_line(text)),
            _ => {}
        }
    }

    fn append(&mut self, output: Output, bytes: &[u8]) {
        for &byte in bytes {
            if self.bytes_left == 0 {
                return;
            }
            let line = self.line(output);
            if byte != b'\n' {
                line.push(byte);
            }
            if byte == b'\n' || line.len() >= MAX_LINE_BYTES {
                self.end_line(output);
            }
        }
    }

    const fn line(&mut self, output: Output) -> &mut Vec<u8> {
        match output {
            Output::Stdout => &mut self.stdout,
            Output::Stderr => &mut self.stderr,
        }
    }

    fn end_line(&mut self, output: Output) {
        let line = std::mem::take(self.line(output));
        self.write(output.level(), &String::from_utf8_lossy(&line));
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.end_line(Output::Stdout);
        self.end_line(Output::Stderr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Sink(Mutex<Vec<(LogLevel, String)>>);

    impl LogSink for Sink {
        fn write(&self, level: LogLevel, message: &str) {
            self.0.lock().expect("no panic before").push((level, message.to_owned()));
        }
    }

    fn logged(budget_bytes: usize, write: impl FnOnce(&CallLog)) -> Vec<(LogLevel, String)> {
        let sink = Arc::new(Sink::default());
        write(&CallLog::new(sink.clone(), budget_bytes));
        Arc::into_inner(sink).expect("the log is gone").0.into_inner().expect("no panic before")
    }

    #[test]
    fn lines_are_put_together_per_stream_and_the_last_is_written_at_the_end() {
        let lines = logged(1_000, |log| {
            log.append(Output::Stdout, b"one\ntw");
            log.append(Output::Stderr, b"bad ");
            log.append(Output::Stdout, b"o\n\n\nthree");
            log.write(LogLevel::Debug, "by the port");
            log.append(Output::Stderr, b"\xff\n");
        });
        let expected = [
            (LogLevel::Info, "one"),
            (LogLevel::Info, "two"),
            (LogLevel::Debug, "by the port"),
            (LogLevel::Warn, "bad \u{fffd}"),
            (LogLevel::Info, "three"),
        ];
        assert_eq!(lines, expected.map(|(level, text)| (level, text.to_owned())));
    }

    #[test]
    fn all_together_keep_to_the_budget() {
        let lines = logged(3 * LINE_OVERHEAD_BYTES + 10, |log| {
            log.append(Output::Stdout, b"1234\n");
            log.write(LogLevel::Info, "1234");
            log.append(Output::Stderr, &[b'x'; 1 << 20]);
            log.write(LogLevel::Info, "over");
        });
        assert_eq!(lines.iter().map(|(_, text)| text.len()).sum::<usize>(), 10, "{lines:?}");
    }

    #[test]
    fn a_line_without_end_is_cut_and_not_kept() {
        let lines = logged(1 << 20, |log| log.append(Output::Stdout, &[b'x'; 3 << 10]));
        assert_eq!(lines.iter().map(|(_, text)| text.len()).collect::<Vec<_>>(), [MAX_LINE_BYTES; 3]);
    }
}
