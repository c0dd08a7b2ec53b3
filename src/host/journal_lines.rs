//! The lines of the hook about a guest in the journal. They are found by their fields: the text of a line can
//! hold any name.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::escape::printable;
use crate::host::journal::shortened;
use crate::host::kernel::run_with_deadline;
use crate::host::{KnownGuest, Machine};
use crate::paths::JOURNALCTL;

const DEADLINE: Duration = Duration::from_secs(5);
/// How many lines are read, and how many are shown.
const READ_MAX: &str = "500";
const SHOWN_MAX: usize = 5;

/// A line of the hook in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalLine {
    /// Its text.
    pub text: String,
    /// Its codes, as text.
    pub codes: Vec<String>,
}

/// An entry as `journalctl -o json` prints it.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "MESSAGE")]
    message: Option<Values>,
    #[serde(rename = "GPUPT_CODE", default)]
    codes: Option<Values>,
    /// A line about a card that was detached or restored has it.
    #[serde(rename = "GPUPT_MS")]
    ms: Option<Values>,
}

/// The values of a field. What is not text is printed as numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
    Other(serde::de::IgnoredAny),
}

impl Values {
    fn into_texts(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
            Self::Other(_) => Vec::new(),
        }
    }
}

impl Machine {
    /// What the hook logged about a guest since its last start, or since the last boot, except that cards were
    /// detached or restored.
    pub fn journal_of(&self, guest: &KnownGuest) -> Vec<JournalLine> {
        let Some(program) = self.program(JOURNALCTL) else {
            return Vec::new();
        };
        let mut journalctl = Command::new(program);
        journalctl
            .args(arguments(guest))
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let Ok(output) = run_with_deadline(journalctl, DEADLINE) else {
            return Vec::new();
        };
        let text = String::from_utf8_lossy(&output.stdout);
        let mut lines: Vec<JournalLine> = text.lines().filter_map(line_of).collect();
        lines.dedup();
        lines.split_off(lines.len().saturating_sub(SHOWN_MAX))
    }
}

/// The arguments of journalctl. Any user may write any field, so only the lines of root's processes count.
fn arguments(guest: &KnownGuest) -> Vec<String> {
    const FIXED: [&str; 9] = [
        "--no-pager",
        "-q",
        "-b",
        "-n",
        READ_MAX,
        "-o",
        "json",
        "-t",
        "gpupt",
    ];
    let mut words: Vec<String> = FIXED.iter().map(|word| (*word).to_owned()).collect();
    let since = guest.start.as_ref().map(|start| start.at);
    words.extend(since.map(|at| format!("--since=@{at}")));
    let name = shortened(&printable(guest.name.as_bytes()));
    words.extend([format!("GPUPT_GUEST={name}"), "_UID=0".to_owned()]);
    if let Some(uuid) = &guest.uuid {
        words.extend([
            "+".to_owned(),
            format!("GPUPT_UUID={uuid}"),
            "_UID=0".to_owned(),
        ]);
    }
    words
}

fn line_of(json: &str) -> Option<JournalLine> {
    let entry: Entry = serde_json::from_str(json).ok()?;
    if entry.ms.is_some() {
        return None;
    }
    Some(JournalLine {
        text: entry.message?.into_texts().into_iter().next()?,
        codes: entry.codes.map_or_else(Vec::new, Values::into_texts),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn guest(name: &str) -> KnownGuest {
        KnownGuest {
            name: name.to_owned(),
            uuid: None,
            xml: None,
            start: None,
        }
    }

    #[test]
    fn journal_is_searched_by_the_exact_name_as_the_hook_writes_it() {
        for (name, field) in [
            ("a", "GPUPT_GUEST=a"),
            ("-n0", "GPUPT_GUEST=-n0"),
            ("a=b", "GPUPT_GUEST=a=b"),
            ("a\nb", "GPUPT_GUEST=a\\nb"),
            ("+", "GPUPT_GUEST=+"),
        ] {
            let words = arguments(&guest(name));
            assert_eq!(&words[9..], [field, "_UID=0"], "{name}");
        }
    }

    #[test]
    fn journal_lines_about_moved_cards_are_left_out() {
        let line = |text: &str, codes: &[&str]| {
            Some(JournalLine {
                text: text.to_owned(),
                codes: codes.iter().map(|code| (*code).to_owned()).collect(),
            })
        };
        for (json, expected) in [
            (r#"{"MESSAGE":"a","X":null}"#, line("a", &[])),
            (
                r#"{"MESSAGE":"a","GPUPT_CODE":"busy"}"#,
                line("a", &["busy"]),
            ),
            (
                r#"{"MESSAGE":"a","GPUPT_CODE":["busy","group"]}"#,
                line("a", &["busy", "group"]),
            ),
            (r#"{"MESSAGE":"a","GPUPT_MS":"7"}"#, None),
            (r#"{"MESSAGE":[1,2]}"#, None),
            (r#"{"MESSAGE":null}"#, None),
            ("no JSON", None),
        ] {
            assert_eq!(line_of(json), expected, "{json}");
        }
    }
}
