//! `gpupci why`: why the last start of a guest failed.

use anyhow::Result;
use gpupt::check::CheckOptions;
use gpupt::diagnosis::{Diagnosis, Reason, Source, When, why};
use gpupt::error::Error;
use gpupt::escape::printable;
use gpupt::hook::Hook;
use gpupt::host::Machine;
use gpupt::settings::Settings;
use serde_json::{Value, json};

use crate::args::Global;
use crate::json;
use crate::report::Answer;
use crate::this_host::may_change;

/// Lines below a reason start here.
const INDENT: &str = "            ";

pub(crate) fn run(guest: &str, global: &Global, machine: &Machine) -> Result<Answer> {
    if !may_change(machine) {
        return Err(Error::NotRoot("read libvirt's files about guests").into());
    }
    let hook = Hook {
        machine,
        deadline: global.timeout,
    };
    // Settings with an error are a reason of the hook.
    let settings = Settings::of(machine).ok();
    let database = global.database();
    let options = settings.as_ref().map(|settings| CheckOptions {
        words: &[],
        settings,
        database: database.as_deref(),
        can_see_processes: true,
        deadline: global.timeout,
    });
    let mut diagnosis = why(guest, &hook, options.as_ref())?;
    if diagnosis.reasons.is_empty() {
        let nothing = "no failed start is known, and nothing blocks a start now";
        diagnosis.notes.insert(0, nothing.to_owned());
    }
    let grammar = global.grammar(machine);
    let reasons = diagnosis.reasons.iter_mut();
    for remedy in reasons.filter_map(|reason| reason.remedy.as_mut()) {
        *remedy = grammar.spell(remedy);
    }
    Ok(answer(&diagnosis, global.json))
}

fn answer(diagnosis: &Diagnosis, is_json: bool) -> Answer {
    let reasons = diagnosis.reasons.iter();
    match is_json {
        true => Answer::done(json::document("reasons", reasons.map(object).collect())),
        false => Answer {
            notes: diagnosis.notes.clone(),
            ..Answer::done(reasons.map(lines).collect())
        },
    }
}

/// A reason: its source and what is wrong, then what others said of it, then what to do.
fn lines(reason: &Reason) -> String {
    let source = format!("{}:", source_name(reason.source));
    let mut text = format!("{source:11} {}\n", printable(reason.text.as_bytes()));
    let mut below = |label: &str, said: &str| {
        text += &format!("{INDENT}{label}{}\n", printable(said.as_bytes()));
    };
    for said in &reason.said {
        below(&format!("{}: ", source_name(said.source)), &said.text);
    }
    if let Some(meaning) = &reason.meaning {
        below("means: ", meaning);
    }
    if reason.when == Some(When::NoLonger) {
        below("", "this is no longer so");
    }
    if let Some(remedy) = &reason.remedy {
        below("try: ", remedy);
    }
    text
}

fn object(reason: &Reason) -> Value {
    let said = reason.said.iter();
    let said = said.map(|said| json!({ "source": source_name(said.source), "text": said.text }));
    json!({
        "source": source_name(reason.source),
        "codes": json::codes(&reason.codes),
        "text": reason.text,
        "remedy": reason.remedy,
        "card": reason.card.map(|card| card.to_string()),
        "when": reason.when.map(when_name),
        "meaning": reason.meaning,
        "state": reason.state,
        "said": said.collect::<Vec<_>>(),
    })
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Definition => "definition",
        Source::Hook => "hook",
        Source::Qemu => "qemu",
        Source::Journal => "journal",
        Source::Host => "now",
        Source::Check => "check",
    }
}

fn when_name(when: When) -> &'static str {
    match when {
        When::Still => "still",
        When::LastStart => "last-start",
        When::NoLonger => "no-longer",
        When::Now => "now",
    }
}
