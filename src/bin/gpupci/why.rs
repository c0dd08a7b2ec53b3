//! `gpupci why`: why the last start of a guest failed.

use anyhow::Result;
use gpupt::diagnosis::{Reason, Source, why};
use gpupt::host::Machine;
use serde_json::json;

use crate::args::Global;
use crate::json;
use crate::report::Answer;
use crate::this_host::{ThisHost, may_change};

pub(crate) fn run(guest: &str, global: &Global, machine: &Machine) -> Result<Answer> {
    if !may_change(machine) {
        return Err(gpupt::error::Error::NotRoot("read libvirt's files about guests").into());
    }
    let host = ThisHost::of(global, machine)?;
    let reasons = why(guest, &host.handover(), machine)?;
    if global.json {
        let objects = reasons.iter().map(|reason| {
            json!({
                "source": source_name(reason.source),
                "codes": json::codes(&reason.codes),
                "text": reason.text,
                "remedy": reason.remedy,
            })
        });
        return Ok(Answer::done(json::document("reasons", objects.collect())));
    }
    let notes = match reasons.is_empty() {
        true => {
            vec!["no failed start is known, and nothing blocks a start now".to_owned()]
        }
        false => Vec::new(),
    };
    Ok(Answer {
        notes,
        ..Answer::done(reasons.iter().map(lines).collect())
    })
}

fn lines(reason: &Reason) -> String {
    let remedy = reason.remedy.as_ref();
    let remedy = remedy.map(|remedy| format!("            try: {remedy}\n"));
    let text = gpupt::escape::printable(reason.text.as_bytes());
    let source = format!("{}:", source_name(reason.source));
    format!("{source:11} {text}\n{}", remedy.unwrap_or_default())
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Definition => "definition",
        Source::Hook => "hook",
        Source::Qemu => "qemu",
        Source::Journal => "journal",
        Source::Host => "now",
    }
}
