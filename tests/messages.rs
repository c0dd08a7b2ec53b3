//! `docs/messages.md`: every message with sample values, its code and its remedies. `GPUPT_REGENERATE=1`
//! writes the file again. A new variant does not compile until it has a sample, and a new sentence in the
//! sources needs one too.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

/// Checks that there is a sample of every variant: the patterns have to be all there are.
macro_rules! assert_complete {
    ($samples:expr, $($variant:pat),+ $(,)?) => {{
        let mut seen = std::collections::BTreeSet::new();
        for sample in $samples {
            match sample {
                $($variant => seen.insert(stringify!($variant)),)+
            };
        }
        assert_eq!(seen, [$(stringify!($variant)),+].into());
    }};
}

#[path = "messages/cards.rs"]
mod cards;
#[path = "messages/cluster.rs"]
mod cluster;
#[path = "messages/files.rs"]
mod files;
#[path = "messages/findings.rs"]
mod findings;
#[path = "messages/hooks.rs"]
mod hooks;
#[path = "messages/sources.rs"]
mod sources;
#[path = "messages/spelled.rs"]
mod spelled;
#[path = "messages/summaries.rs"]
mod summaries;
#[path = "messages/tools.rs"]
mod tools;

use std::cell::Cell;
use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use gpupt::failure::{Code, Failure, chain};

const HEAD: &str = "# Messages

Every message that gpupt prints, with sample values. The table of [codes](troubleshooting.md#codes) explains each code.

A test writes this file: `GPUPT_REGENERATE=1 cargo test --test messages`.
";

/// A section with a row for each failure: code, message with its causes, remedies.
fn section<F: Failure>(title: &str, failures: &[F]) -> String {
    let row = |failure: &F| {
        let codes: Vec<String> = failure.codes().iter().map(|c| format!("`{c}`")).collect();
        let mut message = vec![failure.to_string()];
        message.extend(failure.causes());
        message.extend(failure.state().map(|state| format!("*{state}*")));
        [codes.join(", "), cell(&message), cell(&failure.remedies())]
    };
    let rows: Vec<[String; 3]> = failures.iter().map(row).collect();
    table(title, ["code", "message", "what to do"], &rows)
}

/// A section with a table. Its cells are Markdown.
fn table<const N: usize>(title: &str, columns: [&str; N], rows: &[[String; N]]) -> String {
    let row = |cells: &[String; N]| format!("| {} |\n", cells.join(" | "));
    let head = row(&columns.map(str::to_owned)) + &row(&columns.map(|_| "---".to_owned()));
    let rows: String = rows.iter().map(row).collect();
    format!("\n## {title}\n\n{head}{rows}")
}

/// A section of sentences that have no code of their own.
fn sentences<S: Display>(title: &str, sentences: &[S]) -> String {
    let row = |sentence: &S| format!("- {}\n", escaped(&sentence.to_string()));
    let rows: String = sentences.iter().map(row).collect();
    format!("\n## {title}\n\n{rows}")
}

fn cell(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    lines.join("<br>")
}

/// The text as Markdown shows it in a cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
        .replace('<', "&lt;")
        .replace('\n', "<br>")
}

/// A value from its spelling.
fn read<T: FromStr>(text: &str) -> T {
    let value = text.parse().ok();
    value.unwrap_or_else(|| panic!("{text} has the wrong spelling"))
}

thread_local! {
    /// The number of the system's error in the samples.
    static ERRNO: Cell<i32> = const { Cell::new(13) };
}

/// An error of the system.
fn refused() -> std::io::Error {
    std::io::Error::from_raw_os_error(ERRNO.get())
}

/// All messages whose samples are values.
fn sections() -> String {
    cards::sections()
        + &findings::sections()
        + &summaries::section()
        + &tools::sections()
        + &hooks::sections()
        + &files::sections()
        + &cluster::sections()
}

/// `rocks start host vm` takes an error of libvirt with such a phrase for a missing disk.
#[test]
fn no_message_has_a_phrase_that_rocks_takes_for_a_missing_disk() {
    ERRNO.set(nix::errno::Errno::ENOENT as i32);
    let mut text = sections();
    assert!(text.contains("the path does not exist (os error 2)"));
    text += &spelled::sections(&text);
    for phrase in [
        "no such file or directory",
        "disk isn't accessible",
        "disk image does not exist",
    ] {
        let mut lines = text.lines().map(str::to_lowercase);
        assert_eq!(lines.find(|line| line.contains(phrase)), None);
    }
}

#[test]
fn document_has_every_message() {
    let mut text = HEAD.to_owned() + &sections();
    text += &spelled::sections(&text);
    for code in Code::ALL {
        assert!(text.contains(&format!("`{code}`")), "{code} has no message");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/messages.md");
    if std::env::var_os("GPUPT_REGENERATE").is_some_and(|value| value == "1") {
        fs::write(&path, &text).expect("docs can be written");
    }
    let written = fs::read_to_string(&path).expect("docs/messages.md");
    assert!(
        written == text,
        "docs/messages.md is old: run GPUPT_REGENERATE=1 cargo test --test messages"
    );
}

/// The sentences of an error and of what stands behind it.
fn whole(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error).join(": ")
}
