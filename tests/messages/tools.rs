//! The tools that remedies name, each with the document that says so.

use gpupt::readiness::{ImageSystem, Initramfs, Programs, TOOLS};

use crate::{escaped, table};

const INITRAMFS: [&str; 3] = ["known by", "remedy", "source"];

/// A row for each tool, then for what a host without a known tool, or with several, is told.
fn initramfs() -> Vec<[String; 3]> {
    let remedy = |programs: &[&str]| {
        let programs = Programs::of(programs.iter().copied());
        escaped(&Initramfs::of(None, &programs).rebuild())
    };
    let image = |(system, mark): (ImageSystem, &str)| {
        let remedy = Initramfs::of(Some(system), &Programs::default()).rebuild();
        [
            mark.to_owned(),
            escaped(&remedy),
            system.rebuild().1.to_owned(),
        ]
    };
    let mut rows: Vec<[String; 3]> = ImageSystem::ALL.into_iter().map(image).collect();
    rows.extend(TOOLS.map(|tool| {
        let program = tool.program;
        [
            format!("`{program}`"),
            remedy(&[program]),
            tool.source.to_owned(),
        ]
    }));
    let none = "none of these";
    rows.push([none.to_owned(), remedy(&[]), String::new()]);
    let several = "several of them";
    rows.push([
        several.to_owned(),
        remedy(&["mkinitcpio", "dracut"]),
        String::new(),
    ]);
    rows
}

pub fn sections() -> String {
    table("Tools that build the initramfs", INITRAMFS, &initramfs())
}
