//! A child process, and what the kernel knows of it.

use std::fs;
use std::io;
use std::process::{Child, Command};
use std::time::Duration;

/// A process of ours; it is killed when this is dropped.
pub struct Process(pub Child);

/// What a process takes of the machine's memory, in MB.
pub struct Memory {
    /// Now.
    pub resident: f64,
    /// At most, since its start.
    pub peak: f64,
}

impl Process {
    /// Starts it.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.spawn().map(Self)
    }

    /// The time that its threads have had on a processor, to the nanosecond: `/proc/PID/stat` counts in ticks of 10 ms,
    /// and an idle minute has three of them. A thread that has ended is not in it; those of the service stay.
    pub fn cpu(&self) -> io::Result<Duration> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            // A thread may end while we look.
            let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            sum += text.split(' ').next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(sum))
    }

    /// Its memory.
    pub fn memory(&self) -> io::Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
            kilobytes.map(|kilobytes| kilobytes / 1024.0).ok_or_else(|| io::Error::other(format!("no {name}")))
        };
        Ok(Memory { resident: field("VmRSS")?, peak: field("VmHWM")? })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
