//! How far something has come of which several parts are under way at once: on a terminal one line that is drawn over,
//! elsewhere lines of the log.

use std::io::{self, IsTerminal, Write};

/// How wide a terminal is that does not say so.
const USUAL_WIDTH: u16 = 80;

/// Back to the start of the line, which is emptied.
const EMPTIED: &str = "\r\u{1b}[2K";

/// The parts that are not done yet.
pub(super) struct Progress {
    terminal: bool,
    waiting: Vec<&'static str>,
    total: usize,
}

impl Progress {
    /// All of `parts` are under way from now on.
    pub(super) fn begin(parts: Vec<&'static str>) -> Self {
        let progress = Self { terminal: io::stderr().is_terminal(), total: parts.len(), waiting: parts };
        if progress.terminal {
            progress.draw();
        } else {
            log::info!("asking {}", progress.waiting.join(", "));
        }
        progress
    }

    /// One of them is done.
    pub(super) fn done(&mut self, part: &str) {
        if let Some(place) = self.waiting.iter().position(|waiting| *waiting == part) {
            self.waiting.remove(place);
        }
        if self.terminal {
            self.draw();
        } else {
            log::info!("{part} has answered ({} of {})", self.total - self.waiting.len(), self.total);
        }
    }

    /// Makes room on the terminal for what `write` writes.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        if self.terminal {
            say(EMPTIED);
        }
        let written = write();
        if self.terminal {
            self.draw();
        }
        written
    }

    fn draw(&self) {
        if self.waiting.is_empty() {
            say(EMPTIED);
            return;
        }
        let done = self.total - self.waiting.len();
        let line = format!("{done} of {} have answered; waiting for {}", self.total, self.waiting.join(", "));
        say(&format!("{EMPTIED}{}", fitted(&line, width())));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal {
            say(EMPTIED);
        }
    }
}

/// How wide the terminal is by now: somebody may have drawn it narrower.
fn width() -> u16 {
    let size = rustix::termios::tcgetwinsize(io::stderr());
    size.ok().map(|size| size.ws_col).filter(|columns| *columns > 0).unwrap_or(USUAL_WIDTH)
}

/// As much of `line` as stays on one line: what goes over to the next one would not be taken away again, and a cursor that
/// stands in the last column makes some terminals begin a new one.
fn fitted(line: &str, width: u16) -> String {
    line.chars().take(usize::from(width.saturating_sub(1))).collect()
}

fn say(text: &str) {
    let mut stderr = io::stderr();
    // Nothing is left to do about a stderr that is closed.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn a_line_stays_within_the_terminal_however_narrow_it_is() {
        for (width, expected) in [(0, ""), (1, ""), (5, "3 of"), (80, "3 of 8")] {
            assert_eq!(fitted("3 of 8", width), expected);
        }
    }
}
