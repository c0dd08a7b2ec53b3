//! Phrases that no message of the hook may contain. `rocks start host vm` takes an error of libvirt with one of them
//! for a missing disk (`bootVM` of its command): it creates disks, starts the guest again, and does not show the error.

use std::fmt;
use std::io;

use nix::errno::Errno;

/// What `bootVM` searches for.
const PHRASES: [&[u8]; 3] = [
    b"No such file or directory",
    b"Disk isn't accessible",
    b"Disk image does not exist",
];

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

/// Breaks each such phrase: its first blank becomes `_`, so that `No_such file or directory` remains readable. The
/// names of guests, processes and files, and what other programs print, can contain a phrase.
pub fn break_phrases(text: &mut [u8]) {
    for phrase in PHRASES {
        for start in 0..text.len() {
            let Some(found) = text[start..].get_mut(..phrase.len()) else {
                break;
            };
            if found.eq_ignore_ascii_case(phrase) {
                found
                    .iter_mut()
                    .filter(|b| **b == b' ')
                    .take(1)
                    .for_each(|blank| *blank = b'_');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn every_phrase_is_broken_at_its_first_blank_in_any_case_of_letters() {
        for (text, broken) in [
            (
                "a: No such file or directory (os error 2)",
                "a: No_such file or directory (os error 2)",
            ),
            ("NO SUCH FILE OR DIRECTORY", "NO_SUCH FILE OR DIRECTORY"),
            (
                "disk isn't accessible, Disk image does not exist",
                "disk_isn't accessible, Disk_image does not exist",
            ),
            (
                "No such file or directoryNo such file or directory",
                "No_such file or directoryNo_such file or directory",
            ),
            ("No such file or director", "No such file or director"),
            ("", ""),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            break_phrases(&mut bytes);
            assert_eq!(String::from_utf8_lossy(&bytes), broken);
        }
    }

    #[test]
    fn path_that_does_not_exist_is_said_in_other_words() {
        let shown = |errno: Errno| SystemError(&errno.into()).to_string();
        assert_eq!(shown(Errno::ENOENT), "the path does not exist (os error 2)");
        assert_eq!(shown(Errno::EACCES), "Permission denied (os error 13)");
    }
}
