//! Every file of a collection of domain XML, such as the tests of libvirt.
//!
//! `GPUPT_CORPUS` names the folder; by default it is `fixtures/domains`. `GPUPT_CORPUS_OUT` names a
//! folder for the results, to examine them with other tools.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use gpupt::domain_xml::{XmlError, retarget, splice};
use gpupt::gpu::MovedCard;
use gpupt::pci::PciAddress;

use crate::reading::{Numbers, hostdevs};
use crate::support::fixture;

const CARD: &str = "fedc:ba:1d.7";
const ELSEWHERE: &str = "0000:bb:02.0";
const CARD_NUMBERS: Numbers = [0xfedc, 0xba, 0x1d, 7];

#[test]
fn every_corpus_file_is_spliced_or_refused() {
    let folder = env::var_os("GPUPT_CORPUS").map(PathBuf::from);
    let is_given = folder.is_some();
    let folder = folder.unwrap_or_else(|| fixture("domains"));
    let files = xml_files(&folder, is_given);
    assert!(!files.is_empty(), "no XML below {}", folder.display());
    let mut spliced = 0;
    let mut refused: BTreeMap<String, Vec<&Path>> = BTreeMap::new();
    for file in &files {
        let name = file.strip_prefix(&folder).expect("a file of the folder");
        match answer(file) {
            Ok(document) => {
                spliced += 1;
                keep(name, &document);
            }
            Err(error) => refused.entry(kind(&error)).or_default().push(name),
        }
    }
    println!("{}: {} files", folder.display(), files.len());
    println!("{spliced:6} spliced");
    for (reason, names) in &refused {
        println!("{:6} {reason}", names.len());
        names
            .iter()
            .for_each(|name| println!("         {}", name.display()));
    }
    assert!(spliced > 0, "nothing could be spliced");
}

/// Splices a card into the file and checks the result; or gives the refusal.
fn answer(file: &Path) -> Result<Vec<u8>, XmlError> {
    let before = fs::read(file).expect("a file that can be read");
    let after = splice(&before, &[CARD.parse().expect("an address")])?;
    let read = |bytes: &[u8]| hostdevs(std::str::from_utf8(bytes).expect("UTF-8"));
    let mut expected = read(&before);
    if !expected.contains(&CARD_NUMBERS) {
        expected.push(CARD_NUMBERS);
    }
    assert_eq!(read(&after), expected, "{}", file.display());
    check_that_the_card_follows(&after);
    Ok(after)
}

/// Retargets the card in `document` and checks its new address.
fn check_that_the_card_follows(document: &[u8]) {
    let slot = |text: &str| text.parse::<PciAddress>().expect("an address").slot();
    let moved = MovedCard {
        from: vec![slot(CARD)],
        to: slot(ELSEWHERE),
    };
    let after = retarget(document, &[moved]).expect("a document that was spliced");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let expected = text(document).replacen(
        "<address domain='0xfedc' bus='0xba' slot='0x1d' function='0x7'/>",
        "<address domain='0x0000' bus='0xbb' slot='0x02' function='0x7'/>",
        1,
    );
    assert_eq!(text(&after), expected);
}

/// The refusal without its position.
fn kind(error: &XmlError) -> String {
    match error {
        XmlError::TooLarge => "too large".to_owned(),
        XmlError::NotUtf8 { .. } => "not UTF-8".to_owned(),
        XmlError::Dtd(_) => "a document type".to_owned(),
        XmlError::NotWellFormed { reason, .. } => format!("not well-formed: {reason}"),
        XmlError::NotADomain { element, .. } => format!("{element}, not <domain>"),
    }
}

fn keep(name: &Path, document: &[u8]) {
    let Some(folder) = env::var_os("GPUPT_CORPUS_OUT") else {
        return;
    };
    let path = Path::new(&folder).join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders are made");
    fs::write(path, document).expect("the file is written");
}

/// The files to read: all of a collection, and only `in.xml` of our own cases.
fn xml_files(folder: &Path, all: bool) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder that can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "xml")
                && (all || path.ends_with("in.xml"))
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
