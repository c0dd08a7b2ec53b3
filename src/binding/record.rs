//! What a card was before we touched it: written down before the first write, so that a crash
//! between any two steps loses nothing.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::binding::Binding;
use crate::pci::{DriverName, PciAddress, PciSlot};
use crate::uuid::GuestUuid;

const VERSION: u32 = 1;

/// What one function had before we touched it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Former {
    /// Which function.
    #[serde(with = "as_text")]
    pub function: PciAddress,
    /// The driver it was bound to.
    #[serde(with = "as_optional_text")]
    pub driver: Option<DriverName>,
    /// The module of that driver.
    pub module: Option<String>,
    /// Its override.
    pub driver_override: Option<String>,
}

impl From<&Binding> for Former {
    fn from(binding: &Binding) -> Self {
        Self {
            function: binding.function,
            driver: binding.driver.clone(),
            module: binding.module.clone(),
            driver_override: binding.driver_override.clone(),
        }
    }
}

/// How far a card has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It is on its way to the stub driver, or whoever took it there died.
    Detaching,
    /// It is on the stub driver.
    Detached,
    /// It is on its way back, or whoever brought it back died.
    Attaching,
}

/// The guest that a card was made ready for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// By this it is known: names can be changed.
    pub uuid: GuestUuid,
    /// Its name at that time.
    pub guest: String,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Whether the card was detached before, and so stays when the guest ends.
    pub was_detached: bool,
}

/// What is remembered of a card while it is away from its host drivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardRecord {
    version: u32,
    /// The boot it belongs to (`/proc/sys/kernel/random/boot_id`); of another one it says nothing.
    pub boot: String,
    /// How far the card has come.
    pub phase: Phase,
    /// What its functions had.
    pub functions: Vec<Former>,
    /// The guest that has it, or is about to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// The write that the kernel never finished. From then on the card is touched no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poisoned: Option<String>,
}

/// Why a record cannot be used.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It is not what was written.
    #[error("not a valid record of a card")]
    Grammar(#[from] serde_json::Error),
    /// It was written by another release.
    #[error("version {0} is not supported; this program reads version {VERSION}")]
    Version(u32),
}

impl CardRecord {
    /// The record of a card that is about to be detached. What was written down of functions that
    /// are on their way, or on `stub`, stays: they are no longer what they were.
    pub fn before_detaching(
        boot: String,
        bindings: &[Binding],
        stub: &DriverName,
        earlier: Option<&Self>,
    ) -> Self {
        let is_away = |binding: &Binding, record: &Self| {
            record.phase != Phase::Detached || binding.is_detached(stub)
        };
        let former = |binding: &Binding| match earlier.filter(|record| is_away(binding, record)) {
            // Of one that came to the stub driver without us, nothing is known now either.
            Some(record) => record.former(binding.function).cloned(),
            None => Some(Former::from(binding)),
        };
        Self {
            version: VERSION,
            boot,
            phase: Phase::Detaching,
            functions: bindings.iter().filter_map(former).collect(),
            holder: earlier.and_then(|record| record.holder.clone()),
            poisoned: None,
        }
    }

    /// The record of a card of which nobody wrote down what it was: it came to the stub driver
    /// without us.
    pub fn of_unknown(boot: String) -> Self {
        Self {
            version: VERSION,
            boot,
            phase: Phase::Attaching,
            functions: Vec::new(),
            holder: None,
            poisoned: None,
        }
    }

    /// The same, come this far.
    pub fn in_phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// The same, for this guest or for none.
    pub fn held_by(self, holder: Option<Holder>) -> Self {
        Self { holder, ..self }
    }

    /// What `function` had.
    pub fn former(&self, function: PciAddress) -> Option<&Former> {
        self.functions.iter().find(|f| f.function == function)
    }

    /// Reads what [`CardRecord::to_json`] wrote.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_json(text: &str) -> Result<Self, RecordError> {
        let record: Self = serde_json::from_str(text)?;
        match record.version {
            VERSION => Ok(record),
            other => Err(RecordError::Version(other)),
        }
    }

    /// The record as it is kept.
    pub fn to_json(&self) -> String {
        // Text and numbers cannot fail to become JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The name of the file that keeps the record of the card in `slot`.
    pub fn file_name(slot: PciSlot) -> String {
        format!("{slot}.json")
    }

    /// The slot whose record a file of this name keeps.
    pub fn slot_of(file_name: &str) -> Option<PciSlot> {
        let address: PciAddress = file_name.strip_suffix(".json")?.parse().ok()?;
        let slot = address.slot();
        (Self::file_name(slot) == file_name).then_some(slot)
    }
}

mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?
            .parse()
            .map_err(de::Error::custom)
    }
}

mod as_optional_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text: Option<String> = Option::deserialize(from)?;
        text.map(|text| text.parse().map_err(de::Error::custom))
            .transpose()
    }
}
