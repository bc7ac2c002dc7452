//! What is left when nothing can be mended from inside: ending the process, so that its host starts it anew.

use std::fmt;

/// Why the process is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastResort {
    /// The supervisor gave up; what ran has been stopped in order.
    Escalated {
        /// Why.
        cause: String,
    },
    /// The supervisor itself stands still; nothing has been stopped.
    SupervisorLost,
}

impl LastResort {
    /// The exit code that tells the host: 70 (an internal fault, `EX_SOFTWARE` of sysexits) or 71.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Escalated { .. } => 70,
            Self::SupervisorLost => 71,
        }
    }

    /// Ends the process with that code.
    pub fn exit(self) -> ! {
        log::error!("exit {}: {self}", self.exit_code());
        log::logger().flush();
        std::process::exit(self.exit_code())
    }
}

impl fmt::Display for LastResort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Escalated { cause } => f.write_str(cause),
            Self::SupervisorLost => f.write_str("the supervisor stands still"),
        }
    }
}
