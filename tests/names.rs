//! Names stay with cards: what `gpupci list` writes down, and what comes of it when cards go, come,
//! move and are changed for others.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

mod support;

#[path = "names/assignment.rs"]
mod assignment;
#[path = "names/concurrent.rs"]
mod concurrent;
#[path = "names/invalid_file.rs"]
mod invalid_file;
#[path = "names/moved_cards.rs"]
mod moved_cards;
#[path = "names/register.rs"]
mod register;
#[path = "names/unreadable_file.rs"]
mod unreadable_file;

use std::fs;

use serde_json::Value;
use support::TestHost;

const DEVICES: &str = "sys/bus/pci/devices";
const CARDS: &str = "var/lib/gpupt/cards.json";

impl TestHost {
    /// Puts a card of one function, of NVIDIA's, into a slot: `0000:02:00`.
    fn plug(&self, slot: &str, device: &str) {
        self.plug_of("10de", slot, device);
    }

    /// The same of another vendor's.
    fn plug_of(&self, vendor: &str, slot: &str, device: &str) {
        for (name, value) in [
            ("vendor", vendor),
            ("device", device),
            ("subsystem_vendor", "1043"),
            ("subsystem_device", "8694"),
            ("class", "030200"),
        ] {
            let path = format!("{DEVICES}/{slot}.0/{name}");
            self.write(&path, &format!("0x{value}\n"));
        }
    }

    /// Takes what `plug` put there away.
    fn pull(&self, slot: &str) {
        fs::remove_dir_all(self.path(&format!("{DEVICES}/{slot}.0"))).expect("the card goes");
    }

    /// What `gpupci list` says here, if all is well.
    #[track_caller]
    fn cards(&self) -> String {
        self.line("list").answer()
    }

    /// What is written down.
    fn kept(&self) -> String {
        fs::read_to_string(self.path(CARDS)).expect("names are written down")
    }

    /// Names and places of what is written down: `gpupci1 0000:02:00.0`.
    fn kept_names(&self) -> Vec<String> {
        let kept: Value = serde_json::from_str(&self.kept()).expect("JSON");
        let text = |card: &Value, key: &str| card[key].as_str().expect("a text").to_owned();
        let line = |card| format!("{} {}", text(card, "name"), text(card, "address"));
        let cards = kept["cards"].as_array().expect("a list");
        cards.iter().map(line).collect()
    }
}
