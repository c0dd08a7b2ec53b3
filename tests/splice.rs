//! The splicer: a folder for each case, random domains, and whole collections of XML.
//!
//! `GPUPT_REGENERATE=1` replaces the expected files by the results; review the difference then.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "splice/corpus.rs"]
mod corpus;
#[path = "splice/domains.rs"]
mod domains;
#[path = "splice/properties.rs"]
mod properties;
#[path = "splice/reading.rs"]
mod reading;
#[path = "splice/virtual_functions.rs"]
mod virtual_functions;

use std::fs;
use std::path::{Path, PathBuf};

use gpupt::domain_xml::{BYTES_MAX, XmlError, retarget, splice};
use gpupt::gpu::MovedCard;
use gpupt::pci::{PciAddress, PciSlot};
use pretty_assertions::assert_eq;
use serde::Deserialize;
use support::{TestHost, fixture};

/// The minimum number of cases. With fewer, the test looks in the wrong folder.
const CASES_MIN: usize = 100;

/// The content of a `request.toml`: cards to add, or cards that moved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// What the case shows.
    why: String,
    cards: Option<Vec<String>>,
    moved: Option<Vec<MovedWords>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MovedWords {
    from: Vec<String>,
    to: String,
}

impl Request {
    fn of(folder: &Path) -> Self {
        let path = folder.join("request.toml");
        let text = fs::read_to_string(&path).expect("a request.toml");
        let request: Self = toml::from_str(&text)
            .unwrap_or_else(|error| panic!("{} is wrong: {error}", path.display()));
        assert!(request.why.ends_with('.'), "{}", path.display());
        request
    }

    fn answer(&self, document: &[u8]) -> Result<Vec<u8>, XmlError> {
        match (&self.cards, &self.moved) {
            (Some(cards), None) => {
                let cards: Vec<PciAddress> = cards.iter().map(|card| address(card)).collect();
                splice(document, &cards)
            }
            (None, Some(moved)) => {
                let moved: Vec<MovedCard> = moved.iter().map(MovedWords::meant).collect();
                retarget(document, &moved)
            }
            _ => panic!("a request has either cards or moved"),
        }
    }
}

impl MovedWords {
    fn meant(&self) -> MovedCard {
        MovedCard {
            from: self.from.iter().map(|text| slot(text)).collect(),
            to: slot(&self.to),
        }
    }
}

fn address(text: &str) -> PciAddress {
    text.parse().expect("an address")
}

fn slot(text: &str) -> PciSlot {
    address(text).slot()
}

fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(fixture("domains")).expect("the cases");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The name of the expected file for an answer, and its content.
fn file_of(answer: Result<Vec<u8>, XmlError>) -> (&'static str, Vec<u8>) {
    match answer {
        Ok(document) => ("out.xml", document),
        Err(error) => ("error.txt", format!("{error}\n").into_bytes()),
    }
}

#[test]
fn every_case_gives_the_expected_file() {
    let folders = folders();
    assert!(folders.len() >= CASES_MIN, "only {} cases", folders.len());
    let regenerate = std::env::var_os("GPUPT_REGENERATE").is_some_and(|value| value == "1");
    for folder in folders {
        let document = fs::read(folder.join("in.xml")).expect("an in.xml");
        let (name, content) = file_of(Request::of(&folder).answer(&document));
        if regenerate {
            let _ = fs::remove_file(folder.join("out.xml"));
            let _ = fs::remove_file(folder.join("error.txt"));
            fs::write(folder.join(name), &content).expect("the answer is written");
        }
        check(&folder, name, &content);
    }
}

fn check(folder: &Path, name: &str, content: &[u8]) {
    let is_there = |name| folder.join(name).exists();
    assert!(
        is_there("out.xml") != is_there("error.txt"),
        "{} needs either an out.xml or an error.txt",
        folder.display()
    );
    let expected = fs::read(folder.join(name))
        .unwrap_or_else(|_| panic!("{}: {}", folder.display(), String::from_utf8_lossy(content)));
    assert_eq!(
        content.escape_ascii().to_string(),
        expected.escape_ascii().to_string(),
        "{} is not as in the file:\n{}",
        folder.display(),
        String::from_utf8_lossy(content)
    );
}

#[test]
fn second_splice_changes_nothing() {
    for folder in folders() {
        let Ok(document) = fs::read(folder.join("out.xml")) else {
            continue;
        };
        let again = Request::of(&folder).answer(&document);
        assert_eq!(again, Ok(document), "{}", folder.display());
    }
}

#[test]
fn document_longer_than_libvirt_reads_is_refused() {
    let card = [address("02:00.0")];
    let frame = "<domain><devices></devices></domain>";
    let longest = format!("{frame}{}", " ".repeat(BYTES_MAX - frame.len()));
    assert!(splice(longest.as_bytes(), &card).is_ok());
    let too_long = format!("{longest}\n");
    let refusal = Err(XmlError::TooLarge);
    assert_eq!(splice(too_long.as_bytes(), &card), refusal);
    assert_eq!(
        retarget(too_long.as_bytes(), &[moved("02:00", "03:00")]),
        refusal
    );
}

fn moved(from: &str, to: &str) -> MovedCard {
    MovedCard {
        from: vec![slot(from)],
        to: slot(to),
    }
}

#[test]
fn million_nested_elements_are_no_stack_overflow() {
    let deep = |inner: &str| {
        let levels = 1_000_000;
        let (open, close) = ("<a>".repeat(levels), "</a>".repeat(levels));
        format!("<domain><devices>{open}{inner}{close}</devices></domain>")
    };
    let (whole, broken) = (deep(""), deep("<b>"));
    let out = splice(whole.as_bytes(), &[address("02:00.0")]).expect("depth is no reason");
    assert!(out.ends_with(b"</source></hostdev></devices></domain>"));
    let unchanged = retarget(whole.as_bytes(), &[moved("02:00", "03:00")]);
    assert_eq!(unchanged, Ok(whole.into_bytes()));
    let refusal = splice(broken.as_bytes(), &[address("02:00.0")]);
    assert!(matches!(refusal, Err(XmlError::NotWellFormed { .. })));
    // In quadratic time this would take hours.
}

/// A host that uses the embedded database in `folder` and has the card gpupci1 at `place`.
fn machine(name: &str, place: &str, folder: &Path) -> TestHost {
    let url = format!("sqlite:{}", folder.join("cluster.db").display());
    let host = TestHost::named(name).with_database(&url);
    let words = format!("-q host add {name} gpupci1 {place}");
    assert_eq!(host.line(&words).answer(), "");
    host
}

#[test]
fn splice_finds_cards_by_address_and_name_and_retargets_them() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let here = machine("here", "02:00.0", folder.path());
    let there = machine("there", "83:00.0", folder.path());
    let words = "-q host add guest gpupci 0000:05:00.0,gpupci1";
    assert_eq!(here.line(words).answer(), "");
    let document = |place: &str| {
        let request = [address("05:00.0"), address(place)];
        let document = splice(b"<devices/>\n", &request).expect("devices");
        String::from_utf8(document).expect("UTF-8")
    };
    let on_here = here.gpupci_reading(&["splice", "guest"], b"<devices/>\n");
    assert_eq!(on_here.answer(), document("02:00.0"));
    let words = ["splice", "--retarget", "guest"];
    let on_there = there.gpupci_reading(&words, document("02:00.0").as_bytes());
    assert_eq!(on_there.answer(), document("83:00.0"));
}

#[test]
fn hundred_thousand_attributes_take_linear_time() {
    let attributes: String = (0..100_000)
        .map(|number| format!(" a{number}=''"))
        .collect();
    // In quadratic time this would take hours.
    let sound = format!("<devices{attributes}/>");
    assert!(splice(sound.as_bytes(), &[address("02:00.0")]).is_ok());
    for broken in [
        format!("{sound}<x/>"),
        format!("<devices{attributes} a9=''/>"),
    ] {
        let refusal = splice(broken.as_bytes(), &[address("02:00.0")]);
        assert!(matches!(refusal, Err(XmlError::NotWellFormed { .. })));
    }
}

#[test]
fn many_attributes_and_many_options_of_qemu_take_linear_time() {
    let attributes: String = (0..100_000)
        .map(|number| format!(" a{number}=''"))
        .collect();
    let options = "<q:commandline/>".repeat(100_000);
    // If each option were looked up in all attributes, this would take minutes.
    let document = format!("<domain{attributes}><devices/>{options}</domain>");
    assert!(splice(document.as_bytes(), &[address("02:00.0")]).is_ok());
}
