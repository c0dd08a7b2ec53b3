//! Logs each change of a card to the journal, with fields to search by; without systemd to syslog.

use std::os::unix::net::UnixDatagram;

use crate::escape::printable;
use crate::host::Machine;
use crate::paths::{JOURNAL_SOCKET, SYSLOG_SOCKET};

const NAME: &str = "gpupt";
/// syslog(3): the facility of daemons (3).
const DAEMON: u8 = 3 << 3;
/// The longest value of a field. A datagram that is too long is not sent at all.
const VALUE_BYTES_MAX: usize = 8 << 10;

/// The priority of a log line (syslog(3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPriority {
    /// Something was done: informational.
    Info = 6,
    /// Something failed: an error.
    Error = 3,
}

impl Machine {
    /// Logs `line` to the journal or to syslog, with `fields` such as `("GPUPT_GUEST", "rocks-33")`.
    /// Does not wait; a line that cannot be sent is dropped.
    pub fn log(&self, priority: LogPriority, line: &str, fields: &[(&str, &str)]) {
        let line = shortened(&printable(line.as_bytes()));
        let Ok(socket) = UnixDatagram::unbound() else {
            return;
        };
        let _ = socket.set_nonblocking(true);
        let entry = entry(priority, &line, fields);
        if socket.send_to(&entry, self.path(JOURNAL_SOCKET)).is_err() {
            let line = format!("<{}>{NAME}: {line}", DAEMON | priority as u8);
            let _ = socket.send_to(line.as_bytes(), self.path(SYSLOG_SOCKET));
        }
    }
}

/// An entry in the journal's native protocol. There a value with a newline needs its length; ours are
/// escaped and have none.
fn entry(priority: LogPriority, line: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut entry = format!(
        "MESSAGE={line}\nPRIORITY={}\nSYSLOG_IDENTIFIER={NAME}\n",
        priority as u8
    );
    for (name, value) in fields {
        let value = shortened(&printable(value.as_bytes()));
        entry += &format!("{name}={value}\n");
    }
    entry.into_bytes()
}

/// The text, cut if it is too long for the journal.
pub(super) fn shortened(text: &str) -> String {
    if text.len() <= VALUE_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(VALUE_BYTES_MAX);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn long_line_is_cut_so_that_the_journal_takes_it() {
        let cut = shortened(&"ä".repeat(VALUE_BYTES_MAX));
        assert_eq!(cut, format!("{}…", "ä".repeat(VALUE_BYTES_MAX / 2)));
        assert_eq!(shortened("short"), "short");
    }

    #[test]
    fn guest_name_cannot_add_journal_fields() {
        let entry = entry(
            LogPriority::Error,
            "no",
            &[("GPUPT_GUEST", "a\nPRIORITY=0")],
        );
        assert_eq!(
            String::from_utf8_lossy(&entry),
            "MESSAGE=no\nPRIORITY=3\nSYSLOG_IDENTIFIER=gpupt\nGPUPT_GUEST=a\\nPRIORITY=0\n"
        );
    }
}
