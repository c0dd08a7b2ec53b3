//! `gpupci host allows`: whether the cluster's attributes allow a guest to have cards of this host. The
//! libvirt hook runs it before a guest starts.

use anyhow::Result;
use gpupt::escape::printable;
use gpupt::exit::Exit;
use gpupt::guest::{GivenAway, given_away};
use gpupt::pci::PciSlot;
use serde_json::{Value, json};

use super::Session;
use crate::args::Global;
use crate::json;
use crate::report::Answer;
use crate::this_host::ThisHost;

impl Session<'_> {
    /// A line for each card that the cluster gives to other guests; none if the guest may have them all.
    pub(super) fn allows(
        &mut self,
        guest: &str,
        words: &[String],
        global: &Global,
    ) -> Result<Answer> {
        let host = ThisHost::of(global, self.machine)?;
        let (cards, missing) = host.select(words);
        let slots: Vec<PciSlot> = cards.iter().map(|c| c.slot()).collect();
        let given = given_away(guest, &slots, &mut self.database, self.machine)?;
        let named = |away: &GivenAway| {
            let card = cards.iter().find(|card| card.is_in(away.slot));
            card.map_or_else(String::new, |card| card.name.to_string())
        };
        let text = match self.json {
            true => {
                let object = |away: &GivenAway| -> Value {
                    json!({
                        "name": named(away),
                        "slot": away.slot.to_string(),
                        "guests": away.guests,
                    })
                };
                json::document("given_away", given.iter().map(object).collect())
            }
            false => {
                let line = |away: &GivenAway| {
                    let guests: Vec<_> = away
                        .guests
                        .iter()
                        .map(|g| printable(g.as_bytes()))
                        .collect();
                    let guests = guests.join(" and ");
                    format!(
                        "{} ({}): the cluster gives it to {guests}\n",
                        named(away),
                        away.slot
                    )
                };
                given.iter().map(line).collect()
            }
        };
        let exit = match given.is_empty() {
            true => Exit::Done,
            false => Exit::Busy,
        };
        Ok(missing.and(Answer {
            exit,
            ..Answer::done(text)
        }))
    }
}
