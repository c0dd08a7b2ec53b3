//! The names of cards, and their natural order.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::pci::PciAddress;

/// What a card is called on its host. Numbers come before addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CardName {
    /// A name: `gpupci1`, `gpupci2`, …
    Numbered(NonZeroU32),
    /// A card of a vendor that does not count has no name. It is called by the address of its display
    /// function.
    At(PciAddress),
}

impl CardName {
    /// The name of the `index`-th card, counted from 0.
    pub fn nth(index: usize) -> Option<Self> {
        let number = u32::try_from(index).ok()?.checked_add(1)?;
        NonZeroU32::new(number).map(Self::Numbered)
    }

    /// Whether it is the name of a card that counts.
    pub fn is_numbered(self) -> bool {
        matches!(self, Self::Numbered(_))
    }
}

impl fmt::Display for CardName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbered(number) => write!(f, "gpupci{number}"),
            Self::At(address) => address.fmt(f),
        }
    }
}

impl FromStr for CardName {
    type Err = ();

    /// Reads `gpupci7` in upper or lower case. A number with leading zeros is rejected. An address is not
    /// a name.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (prefix, digits) = text.split_at_checked(6).ok_or(())?;
        let plain = prefix.eq_ignore_ascii_case("gpupci")
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if !plain {
            return Err(());
        }
        digits.parse().map(Self::Numbered).map_err(|_| ())
    }
}

/// Natural order of names: `gpupci2` before `gpupci10`. Digits compare as numbers, all other bytes
/// bytewise; names that differ only in leading zeros are ordered bytewise too.
pub fn natural_order(a: &[u8], b: &[u8]) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    while let (Some(first_a), Some(first_b)) = (rest_a.first(), rest_b.first()) {
        let order = if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            let (digits_a, digits_b) = (take_digits(&mut rest_a), take_digits(&mut rest_b));
            (digits_a.len(), digits_a).cmp(&(digits_b.len(), digits_b))
        } else {
            (rest_a, rest_b) = (&rest_a[1..], &rest_b[1..]);
            first_a.cmp(first_b)
        };
        if order.is_ne() {
            return order;
        }
    }
    rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b))
}

/// Removes the digits from the start of `text` and returns them without leading zeros.
fn take_digits<'t>(text: &mut &'t [u8]) -> &'t [u8] {
    let end = text
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|b| **b == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    #[test]
    fn names_are_ordered_by_their_numbers() {
        let mut names = [
            "gpupci10",
            "gpupci2",
            "gpupci",
            "gpupci1_old",
            "gpupci1",
            "gpupci02",
        ];
        names.sort_by(|a, b| natural_order(a.as_bytes(), b.as_bytes()));
        assert_eq!(
            names,
            [
                "gpupci",
                "gpupci1",
                "gpupci1_old",
                "gpupci02",
                "gpupci2",
                "gpupci10"
            ]
        );
    }

    #[test]
    fn card_name_has_a_number_from_1_without_leading_zero() {
        assert_eq!(
            "GPUPCI12".parse::<CardName>().map(|n| n.to_string()),
            Ok("gpupci12".to_owned())
        );
        for text in [
            "gpupci",
            "gpupci0",
            "gpupci01",
            "gpupci1 ",
            "gpupci-1",
            "gpupci4294967296",
            "gpu1",
            "0000:02:00.0",
        ] {
            assert_eq!(text.parse::<CardName>(), Err(()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn printed_card_name_parses_to_the_same_name(number in 0usize..0xffff_fffe) {
            let name = CardName::nth(number).ok_or(());
            prop_assert_eq!(name.and_then(|n| n.to_string().parse()), name);
        }

        #[test]
        fn natural_order_is_a_total_order(mut names in prop::collection::vec("[a0-2]{0,6}", 3)) {
            names.sort_by(|a, b| natural_order(a.as_bytes(), b.as_bytes()));
            for (i, a) in names.iter().enumerate() {
                for b in &names[i..] {
                    let order = natural_order(a.as_bytes(), b.as_bytes());
                    prop_assert!(order.is_le());
                    prop_assert_eq!(order.reverse(), natural_order(b.as_bytes(), a.as_bytes()));
                    prop_assert_eq!(order.is_eq(), a == b);
                }
            }
        }
    }
}
