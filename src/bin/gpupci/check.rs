//! `gpupci check`: whether this host is ready, and what to do if it is not.

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use gpupt::check::{CheckOptions, host_facts};
use gpupt::error::Error;
use gpupt::failure::Grammar;
use gpupt::host::Machine;
use gpupt::readiness::{Finding, HostFacts, Summary, Verdict, exit_of, judge};
use gpupt::settings::Settings;
use serde_json::{Value, json};

use crate::args::Global;
use crate::json;
use crate::report::{Answer, is_coloured};
use crate::this_host::{may_change, not_found};
use crate::wrap::{columns, wrapped};

/// The width of a verdict and the space behind it.
const VERDICT_COLUMNS: usize = 6;

pub(crate) fn run(words: &[String], global: &Global, machine: &Machine) -> Result<Answer> {
    let mut settings = Settings::of(machine).map_err(Error::from)?;
    settings.vendors.extend(&global.vendors);
    let database = global.database();
    let options = CheckOptions {
        words,
        settings: &settings,
        database: database.as_deref(),
        can_see_processes: may_change(machine),
        deadline: global.timeout,
    };
    let (facts, missing) = host_facts(machine, &options)?;
    let answer = match (facts.only.as_deref(), global.json) {
        // No word names a card: there is nothing to check.
        (Some([]), false) => Answer::default(),
        (Some([]), true) => Answer::done(document(&[], Summary::of(&[], &[]))),
        _ => checked(&facts, global, global.grammar(machine)),
    };
    Ok(answer.and(not_found(&missing)))
}

/// The findings and their summary. With `--quiet` what is not as it should be, and nothing else.
fn checked(facts: &HostFacts, global: &Global, grammar: Grammar) -> Answer {
    let mut findings = judge(facts);
    for remedy in findings
        .iter_mut()
        .filter_map(|finding| finding.remedy.as_mut())
    {
        *remedy = grammar.spell(remedy);
    }
    let summary = Summary::of(&facts.checked_cards(), &findings);
    let exit = exit_of(&findings);
    if global.quiet {
        findings.retain(|finding| finding.verdict != Verdict::Pass);
    }
    let text = match (global.json, global.quiet) {
        (true, _) => document(&findings, summary),
        (false, true) => text(&findings, is_coloured()),
        (false, false) => text(&findings, is_coloured()) + &format!("{summary}\n"),
    };
    Answer {
        exit,
        ..Answer::done(text)
    }
}

/// A line for each finding, its remedy below. Findings in a row show the same remedy once.
fn text(findings: &[Finding], is_coloured: bool) -> String {
    let mut text = String::new();
    for (index, finding) in findings.iter().enumerate() {
        text += &line(finding, is_coloured);
        let next = findings.get(index + 1);
        let is_remedy_repeated = next.is_some_and(|next| {
            (next.topic, next.card, &next.remedy) == (finding.topic, finding.card, &finding.remedy)
        });
        if let Some(remedy) = finding.remedy.as_ref().filter(|_| !is_remedy_repeated) {
            text += &format!("      try: {remedy}\n");
        }
    }
    text
}

fn line(finding: &Finding, is_coloured: bool) -> String {
    let verdict = finding.verdict.word().to_uppercase();
    let verdict = match is_coloured {
        true => {
            let style = style(finding.verdict);
            format!("{style}{verdict}{style:#}")
        }
        false => verdict,
    };
    let card = finding.card.map(|card| format!("{card}: "));
    let text = card.unwrap_or_default() + &finding.text;
    // A remedy is not wrapped: a command must be one line, to be copied.
    let text = wrapped(&text, VERDICT_COLUMNS, columns());
    format!("{verdict}  {text}\n")
}

fn style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Warn => AnsiColor::Yellow,
        Verdict::Fail => AnsiColor::Red,
    };
    colour.on_default()
}

fn document(findings: &[Finding], summary: Summary) -> String {
    let summary = json!({
        "cards": summary.cards,
        "ready": summary.ready,
        "fail": summary.fail,
        "warn": summary.warn,
    });
    let findings = findings.iter().map(object).collect();
    json::document_with("findings", findings, ("summary", summary))
}

fn object(finding: &Finding) -> Value {
    json!({
        "verdict": finding.verdict.word(),
        "topic": finding.topic,
        "card": finding.card.map(|card| card.to_string()),
        "text": finding.text,
        "remedy": finding.remedy,
    })
}
