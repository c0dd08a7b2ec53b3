//! The attributes about cards: their names and their values.
//!
//! On a physical host `gpupci1`, `gpupci2`, … hold the address of a card. On a guest, `gpupci`
//! lists its cards, separated by commas: each is an address, or a card's name, on the guest's host.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::escape::Excerpt;
use crate::failure::{Code, Failure};
use crate::gpu::CardName;
use crate::pci::PciAddress;

/// Rocks keeps the former value of `NAME` under `NAME_old`.
const OLD: &str = "_old";
/// `attributes.Attr` is 128 bytes wide, and Rocks' server truncates longer names silently.
const NAME_BYTES_MAX: usize = 128;
/// The most cards that a guest can have: more than a host has slots, few enough to stay fast.
const CARDS_MAX: usize = 64;
/// `attributes.Value` is a MySQL `TEXT`.
const VALUE_BYTES_MAX: usize = 65_535;

/// A valid attribute name: `gpupci`, then letters, digits, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeName(String);

/// Why an attribute name is invalid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// It does not begin with `gpupci`.
    #[error("gpu name must start with \"gpupci\" prefix")]
    Prefix,
    /// It has a character that a shell or another program would need quoted.
    #[error("invalid gpu name {}: use only letters, digits, _ and - after \"gpupci\"", Excerpt(.0))]
    Characters(String),
    /// It, or its `_old` copy, is too long for the column.
    #[error("gpu name {} is longer than {limit} bytes", Excerpt(.name))]
    Length {
        /// The name.
        name: String,
        /// The limit in bytes.
        limit: usize,
    },
}

impl AttributeName {
    /// The attribute that lists the cards of a guest.
    pub const GUEST: &'static str = "gpupci";

    /// The name that keeps the former value; `None` if this is such a name itself.
    pub fn old(&self) -> Option<String> {
        (!self.is_old()).then(|| old_copy(&self.0))
    }

    fn is_old(&self) -> bool {
        is_old_copy(self.0.as_bytes())
    }

    /// The name, as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name under which Rocks keeps the former value of `name`.
pub(crate) fn old_copy(name: &str) -> String {
    format!("{name}{OLD}")
}

/// Whether Rocks keeps a former value under `name`.
pub(crate) fn is_old_copy(name: &[u8]) -> bool {
    name.len() >= OLD.len() && name[name.len() - OLD.len()..].eq_ignore_ascii_case(OLD.as_bytes())
}

impl Failure for NameError {
    fn codes(&self) -> Vec<Code> {
        vec![Code::AttributeName]
    }

    fn remedies(&self) -> Vec<String> {
        Vec::new()
    }
}

impl FromStr for AttributeName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let rest = text.strip_prefix("gpupci").ok_or(NameError::Prefix)?;
        if !rest
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        {
            return Err(NameError::Characters(text.to_owned()));
        }
        let name = Self(text.to_owned());
        let limit = NAME_BYTES_MAX - if name.is_old() { 0 } else { OLD.len() };
        if text.len() > limit {
            return Err(NameError::Length {
                name: name.0,
                limit,
            });
        }
        Ok(name)
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One card of a guest, as its attribute names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardReference {
    /// The card at this address on the guest's host.
    At(PciAddress),
    /// The card with this name on the guest's host, whichever that is.
    Named(CardName),
}

impl fmt::Display for CardReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(address) => address.node_device().fmt(f),
            Self::Named(name) => name.fmt(f),
        }
    }
}

impl FromStr for CardReference {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Ok(address) = text.parse() {
            return Ok(Self::At(address));
        }
        text.parse().map(Self::Named)
    }
}

/// The cards of a guest: the value of its attribute `gpupci`, printed as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestCards(Vec<CardReference>);

/// Why a value is invalid, to be stored or to be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValueError {
    /// It is empty.
    #[error("the value is empty")]
    Empty,
    /// It is not a PCI address, as a physical host's must be.
    #[error("{} is not a PCI address such as 0000:02:00.0", Excerpt(.0))]
    NotAnAddress(String),
    /// A part of it is neither an address nor a name, as a guest's must be.
    #[error(
        "{} is neither a PCI address (0000:02:00.0) nor a card name (gpupci1)",
        Excerpt(.0)
    )]
    NotACard(String),
    /// It lists a card twice.
    #[error("{0} is listed twice")]
    Twice(CardReference),
    /// It lists too many cards.
    #[error("a guest can have at most {CARDS_MAX} cards")]
    TooMany,
    /// It is too long for the column.
    #[error("the value is {0} bytes long; the limit is {VALUE_BYTES_MAX}")]
    Length(usize),
}

impl GuestCards {
    /// The cards, in the order of the value.
    pub fn references(&self) -> &[CardReference] {
        &self.0
    }
}

impl FromStr for GuestCards {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.trim_matches(' ').is_empty() {
            return Err(ValueError::Empty);
        }
        let mut cards = Vec::new();
        for word in text.split(',').map(|word| word.trim_matches(' ')) {
            let card = word
                .parse()
                .map_err(|()| ValueError::NotACard(word.to_owned()))?;
            if cards.contains(&card) {
                return Err(ValueError::Twice(card));
            }
            if cards.len() == CARDS_MAX {
                return Err(ValueError::TooMany);
            }
            cards.push(card);
        }
        Ok(Self(cards))
    }
}

impl fmt::Display for GuestCards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, card) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{card}")?;
        }
        Ok(())
    }
}

/// `text` in the spelling in which it is stored, for a guest or for a physical host.
///
/// # Errors
/// If `text` is not a valid value.
pub(crate) fn stored_value(text: &str, on_guest: bool) -> Result<String, ValueError> {
    let value = if on_guest {
        text.parse::<GuestCards>()?.to_string()
    } else if text.is_empty() {
        return Err(ValueError::Empty);
    } else {
        let address: PciAddress = text
            .parse()
            .map_err(|_| ValueError::NotAnAddress(text.to_owned()))?;
        address.node_device().to_string()
    };
    if value.len() > VALUE_BYTES_MAX {
        return Err(ValueError::Length(value.len()));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    #[test]
    fn attribute_name_is_gpupci_and_plain_characters() {
        for name in ["gpupci", "gpupci1", "gpupci_old", "gpupci-1", "gpupciA"] {
            assert_eq!(
                name.parse().map(|n: AttributeName| n.0),
                Ok(name.to_owned())
            );
        }
        for name in ["", "gpu1", "Gpupci1", "xgpupci", " gpupci"] {
            assert_eq!(
                name.parse::<AttributeName>(),
                Err(NameError::Prefix),
                "{name}"
            );
        }
        for name in [
            "gpupci 3",
            "gpupci4;rm",
            "gpupci\n",
            "gpupci=",
            "gpupcié",
            "gpupci%",
        ] {
            assert!(
                matches!(name.parse::<AttributeName>(), Err(NameError::Characters(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn attribute_name_leaves_room_for_the_old_suffix() {
        let longest = format!("gpupci{}", "0".repeat(118));
        assert!(longest.parse::<AttributeName>().is_ok());
        assert!(format!("{longest}0").parse::<AttributeName>().is_err());
        assert!(format!("{longest}_old").parse::<AttributeName>().is_ok());
    }

    #[test]
    fn former_value_has_no_former_value() {
        let old = |name: &str| name.parse().map(|n: AttributeName| n.old());
        assert_eq!(old("gpupci"), Ok(Some("gpupci_old".to_owned())));
        assert_eq!(old("gpupci_old"), Ok(None));
    }

    #[test]
    fn values_are_stored_in_one_spelling() {
        assert_eq!(
            stored_value("02:00.0", false),
            Ok("pci_0000_02_00_0".to_owned())
        );
        assert_eq!(
            stored_value("0000:0A:00", false),
            Ok("pci_0000_0a_00_0".to_owned())
        );
        assert_eq!(
            stored_value("GPUPCI1, 02:00.0", true),
            Ok("gpupci1,pci_0000_02_00_0".to_owned())
        );
    }

    #[test]
    fn hostile_values_are_refused() {
        for value in [
            "",
            " ",
            "nonsense",
            "pci_0000_02_00_0'/><x",
            "a'; drop table attributes; --",
            "../../etc",
            "\n",
            "pci_0000_02_00_0\n",
            "gpupci",
            "gpupci1,",
            ",gpupci1",
            "gpupci1,gpupci1",
            "02:00.0,0000:02:00.0",
            &"0".repeat(65_536),
        ] {
            assert!(stored_value(value, true).is_err(), "{value:?}");
            assert!(stored_value(value, false).is_err(), "{value:?}");
        }
        assert!(stored_value("gpupci1", false).is_err());
        assert!(stored_value("02:00.0,03:00.0", false).is_err());
    }

    #[test]
    fn guest_has_at_most_64_cards() {
        let value = |count| {
            (1..=count)
                .map(|n| format!("gpupci{n}"))
                .collect::<Vec<_>>()
                .join(",")
        };
        assert!(stored_value(&value(64), true).is_ok());
        assert_eq!(stored_value(&value(65), true), Err(ValueError::TooMany));
    }

    fn any_reference() -> impl Strategy<Value = CardReference> {
        prop_oneof![
            (any::<u32>(), 0u32..256, 0u32..32, 0u32..8)
                .prop_filter_map("in range", |(d, b, s, f)| {
                    PciAddress::new(d, b, s, f).map(CardReference::At)
                }),
            (0usize..1000).prop_filter_map("a number", |n| {
                CardName::nth(n).map(CardReference::Named)
            }),
        ]
    }

    proptest! {
        #[test]
        fn printed_cards_parse_to_the_same_cards(
            references in prop::collection::vec(any_reference(), 1..5)
        ) {
            let cards = GuestCards(references);
            if let Ok(again) = cards.to_string().parse::<GuestCards>() {
                prop_assert_eq!(&again, &cards);
            }
            for card in cards.references() {
                prop_assert_eq!(card.to_string().parse(), Ok(*card));
            }
        }

        #[test]
        fn parsing_any_text_does_not_panic(text in "\\PC*") {
            let _ = text.parse::<AttributeName>();
            let _ = stored_value(&text, true);
            let _ = stored_value(&text, false);
        }

        #[test]
        fn printed_attribute_name_parses_to_the_same_name(text in "gpupci[A-Za-z0-9_-]{0,20}") {
            prop_assert_eq!(text.parse().map(|n: AttributeName| n.to_string()), Ok(text));
        }
    }
}
