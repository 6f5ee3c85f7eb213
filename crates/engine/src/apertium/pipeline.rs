//! One pipeline of processes, from its start to its end.
//!
//! It is asked block by block: what is written ends with NUL, and so does the
//! answer. After any failure the pipeline is of no use, since its next answer
//! could be one to an earlier question; whoever holds it drops it, and with it
//! go the processes.
//!
//! Time is counted in waits that ended without anything happening, so that no
//! clock is needed: a pipeline is late when it was silent for too long.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::block::Unreadable;
use super::mode::Mode;
use crate::StopFlag;

/// How long to wait between two looks at the stop flag.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

const READ_BYTES: usize = 64 * 1024;

/// The processes of one direction.
pub(super) struct Pipeline {
    stages: Vec<Child>,
    input: ChildStdin,
    output: ChildStdout,
    /// The number of the last block.
    serial: u64,
}

/// Why there is no answer. The pipeline is of no use afterwards.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// A program cannot be started.
    #[error("{} cannot be started: {reason}", .program.display())]
    Start { program: PathBuf, reason: io::Error },
    /// A process ended.
    #[error("one of its processes ended")]
    Ended,
    /// Nothing happened for too long.
    #[error("its processes did not answer for {} seconds", .0.as_secs())]
    Silent(Duration),
    /// More came back than any answer can be.
    #[error("its processes answered without end")]
    Endless,
    /// It answered what it was not asked.
    #[error("its answers are out of step")]
    OutOfStep,
    /// It answered, but not in the form it was asked in.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The flag was raised.
    #[error("the translation was stopped")]
    Stopped,
}

impl Pipeline {
    /// Starts the processes of `mode`.
    pub(super) fn start(mode: &Mode) -> Result<Self, Broken> {
        let mut stages = Stages(Vec::with_capacity(mode.stages.len()));
        let mut first_input = None;
        let mut output: Option<ChildStdout> = None;
        for stage in &mode.stages {
            let broken = |reason| Broken::Start { program: stage.program.clone(), reason };
            let input = output.take().map_or_else(Stdio::piped, Stdio::from);
            // A group of its own: Ctrl-C at a terminal is for the server, which
            // still wants answers while it finishes.
            let group = stages.0.first().map_or(0, Child::id);
            let mut child = Command::new(&stage.program)
                .args(&stage.arguments)
                .env_clear()
                .env("LC_ALL", "C.UTF-8")
                .current_dir("/")
                .process_group(i32::try_from(group).unwrap_or(0))
                .stdin(input)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .map_err(broken)?;
            first_input = first_input.or(child.stdin.take());
            output = child.stdout.take();
            stages.0.push(child);
        }
        let (Some(input), Some(output)) = (first_input, output) else {
            return Err(Broken::Ended);
        };
        for set in
            [rustix::io::ioctl_fionbio(&input, true), rustix::io::ioctl_fionbio(&output, true)]
        {
            set.map_err(|_| Broken::Ended)?;
        }
        Ok(Self { stages: stages.taken(), input, output, serial: 0 })
    }

    /// The number for the next block.
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Whether it is there and has nothing to say unasked.
    pub(super) fn is_quiet(&self) -> bool {
        let mut fds = [PollFd::new(&self.output, PollFlags::IN)];
        matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
    }

    /// Writes `block`, whose last byte is its only NUL, and reads the answer,
    /// without its NUL. Gives up when nothing happened for `patience`.
    pub(super) fn ask(
        &mut self,
        block: &[u8],
        patience: Duration,
        stop: &StopFlag,
    ) -> Result<Vec<u8>, Broken> {
        if !self.is_quiet() {
            let said = again_later(self.read(&mut Vec::new()))?;
            return Err(if said == Some(0) { Broken::Ended } else { Broken::OutOfStep });
        }
        // Translations are of the length of their sources, give or take.
        let answer_bytes_max = 20 * block.len() + READ_BYTES;
        let mut answer = Vec::with_capacity(2 * block.len());
        let mut unsent = block;
        let mut silence = Duration::ZERO;
        loop {
            if stop.is_raised() {
                return Err(Broken::Stopped);
            }
            let Ready { input, output } = self.wait(!unsent.is_empty())?;
            if !input && !output {
                silence += LOOK_EVERY;
                if patience <= silence {
                    return Err(Broken::Silent(patience));
                }
                continue;
            }
            silence = Duration::ZERO;
            if input {
                let sent = again_later(self.input.write(unsent))?.unwrap_or(0);
                unsent = &unsent[sent..];
            }
            if !output {
                continue;
            }
            let from = answer.len();
            match again_later(self.read(&mut answer))? {
                Some(0) => return Err(Broken::Ended),
                _ if answer_bytes_max < answer.len() => return Err(Broken::Endless),
                _ => (),
            }
            if let Some(end) = answer[from..].iter().position(|byte| *byte == 0) {
                let is_whole = unsent.is_empty() && from + end + 1 == answer.len();
                answer.pop();
                return if is_whole { Ok(answer) } else { Err(Broken::OutOfStep) };
            }
        }
    }

    fn read(&mut self, answer: &mut Vec<u8>) -> io::Result<usize> {
        let from = answer.len();
        answer.resize(from + READ_BYTES, 0);
        let read = self.output.read(&mut answer[from..]);
        answer.truncate(from + read.as_ref().copied().unwrap_or(0));
        read
    }

    fn wait(&self, has_unsent: bool) -> Result<Ready, Broken> {
        let mut fds =
            [PollFd::new(&self.output, PollFlags::IN), PollFd::new(&self.input, PollFlags::OUT)];
        let watched = if has_unsent { &mut fds[..] } else { &mut fds[..1] };
        let look_every = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK_EVERY.subsec_nanos()) };
        match poll(watched, Some(&look_every)) {
            Ok(_) => Ok(Ready {
                output: !fds[0].revents().is_empty(),
                input: has_unsent && !fds[1].revents().is_empty(),
            }),
            // Interrupted by a signal, which is rare enough to count as a wait.
            Err(Errno::INTR) => Ok(Ready { input: false, output: false }),
            Err(_) => Err(Broken::Ended),
        }
    }

    /// Ends one of its processes from outside, and waits until it is gone.
    #[cfg(test)]
    pub(super) fn kill_a_stage(&mut self) -> bool {
        let middle = self.stages.len() / 2;
        let stage = &mut self.stages[middle];
        stage.kill().and_then(|()| stage.wait()).is_ok()
    }

    /// The memory its processes hold, without counting twice what they share.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.stages.iter().map(|stage| memory_bytes_of(stage.id())).sum()
    }
}

struct Ready {
    input: bool,
    output: bool,
}

/// Processes that are not yet a pipeline, and go if they never become one.
struct Stages(Vec<Child>);

impl Stages {
    fn taken(mut self) -> Vec<Child> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        end(&mut self.stages);
    }
}

fn end(stages: &mut [Child]) {
    for stage in &mut *stages {
        // It fails for one that ended by itself.
        let _ = stage.kill();
    }
    for stage in stages {
        let _ = stage.wait();
    }
}

/// None if the other side was not ready after all.
fn again_later(result: io::Result<usize>) -> Result<Option<usize>, Broken> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(_) => Err(Broken::Ended),
    }
}

/// 0 where the system does not say.
fn memory_bytes_of(process: u32) -> u64 {
    let Ok(text) = fs::read_to_string(format!("/proc/{process}/smaps_rollup")) else {
        return 0;
    };
    let kibibytes = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes = kibibytes.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok());
    kibibytes.map_or(0, |kibibytes: u64| kibibytes * 1024)
}
