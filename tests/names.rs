//! Names stay with cards: the names file of `gpupci list`, and cards that are pulled, added, moved
//! or replaced.
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
    /// Plugs an NVIDIA card of one function into a slot: `0000:02:00`.
    fn plug(&self, slot: &str, device: &str) {
        self.plug_of("10de", slot, device);
    }

    /// As `plug`, with another vendor.
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

    /// Removes a card that `plug` added.
    fn pull(&self, slot: &str) {
        fs::remove_dir_all(self.path(&format!("{DEVICES}/{slot}.0"))).expect("the card goes");
    }

    /// The output of `gpupci list`, which must succeed.
    #[track_caller]
    fn cards(&self) -> String {
        self.line("-q list").answer()
    }

    /// The content of the names file.
    fn names_file(&self) -> String {
        fs::read_to_string(self.path(CARDS)).expect("names are written down")
    }

    /// Names and addresses in the names file: `gpupci1 0000:02:00.0`.
    fn names_in_file(&self) -> Vec<String> {
        let kept: Value = serde_json::from_str(&self.names_file()).expect("JSON");
        let text = |card: &Value, key: &str| card[key].as_str().expect("a text").to_owned();
        let line = |card| format!("{} {}", text(card, "name"), text(card, "address"));
        let cards = kept["cards"].as_array().expect("a list");
        cards.iter().map(line).collect()
    }
}
