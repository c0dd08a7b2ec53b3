//! Messages about a guest in QEMU's log.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};

use crate::host::Machine;
use crate::paths::QEMU_LOGS;

/// How many bytes are read from the end of a log.
const TAIL: u64 = 64 * 1024;

impl Machine {
    /// The errors in QEMU's log of the last run of a guest.
    pub fn qemu_errors(&self, guest: &str) -> Vec<String> {
        if guest.contains('/') || matches!(guest, "" | "." | "..") {
            return Vec::new();
        }
        let log = self
            .tail(&format!("{QEMU_LOGS}/{guest}.log"))
            .unwrap_or_default();
        error_lines(&log)
    }

    fn tail(&self, path: &str) -> io::Result<String> {
        let mut file = fs::File::open(self.path(path))?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The error lines of the last run in a guest's log. libvirt's lines with QEMU's command line are
/// not errors.
fn error_lines(log: &str) -> Vec<String> {
    let lines: Vec<&str> = log.lines().collect();
    let start = lines
        .iter()
        .rposition(|line| line.contains("starting up libvirt version"));
    let run = &lines[start.unwrap_or(0)..];
    let is_error = |line: &&&str| {
        let line = line.to_ascii_lowercase();
        let is_command = line.starts_with('-') || line.ends_with('\\');
        !is_command
            && ["qemu-system", "qemu-kvm:", "vfio", "error"]
                .iter()
                .any(|word| line.contains(word) && !line.contains("starting up"))
    };
    let found: Vec<&str> = run.iter().filter(is_error).copied().collect();
    last_lines(&found)
}

fn last_lines(lines: &[&str]) -> Vec<String> {
    const LINES_MAX: usize = 5;
    let start = lines.len().saturating_sub(LINES_MAX);
    lines[start..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn only_errors_of_the_last_qemu_run_are_read() {
        let log = "2026-01-01 10:00:00.000+0000: starting up libvirt version: 9.0.0\n\
            2026-01-01T10:00:01Z qemu-system-x86_64: an old error\n\
            2026-01-02 10:00:00.000+0000: starting up libvirt version: 9.0.0\n\
            LC_ALL=C \\\n\
            /usr/bin/qemu-system-x86_64 \\\n\
            -device '{\"driver\":\"vfio-pci\",\"host\":\"0000:04:00.0\"}' \\\n\
            -msg timestamp=on\n\
            2026-01-02T10:00:01Z qemu-system-x86_64: vfio 0000:04:00.0: group 17 is not viable\n\
            Please ensure all devices within the iommu_group are bound to their vfio bus driver.\n\
            2026-01-02 10:00:02.000+0000: shutting down, reason=failed\n";
        assert_eq!(
            error_lines(log),
            [
                "2026-01-02T10:00:01Z qemu-system-x86_64: vfio 0000:04:00.0: group 17 is not viable",
                "Please ensure all devices within the iommu_group are bound to their vfio bus driver.",
            ]
        );
        assert_eq!(error_lines(""), [""; 0]);
    }
}
