//! Phrases that no message of the hook may contain. `rocks start host vm` takes an error of libvirt with one of them
//! for a missing disk (`bootVM` of its command): it creates disks, starts the guest again, and does not show the error.

use std::fmt;
use std::io;

use nix::errno::Errno;

/// Shows an error of the operating system without such a phrase.
pub(crate) struct SystemError<'e>(pub &'e io::Error);

impl fmt::Display for SystemError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.raw_os_error() {
            Some(code) if code == Errno::ENOENT as i32 => {
                write!(f, "the path does not exist (os error {code})")
            }
            _ => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn path_that_does_not_exist_is_said_in_other_words() {
        let shown = |errno: Errno| SystemError(&errno.into()).to_string();
        assert_eq!(shown(Errno::ENOENT), "the path does not exist (os error 2)");
        assert_eq!(shown(Errno::EACCES), "Permission denied (os error 13)");
    }
}
