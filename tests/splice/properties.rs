//! Properties of splice and retarget, for random domains.

use std::collections::BTreeSet;

use gpupt::domain_xml::{retarget, splice};
use gpupt::gpu::MovedCard;
use gpupt::pci::{PciAddress, PciSlot};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use roxmltree::Document;

use crate::domains::{addresses, domain, slot};
use crate::reading::{Numbers, claimed, devices, hostdevs, without_source_addresses};

fn numbers(address: PciAddress) -> Numbers {
    [
        address.domain().into(),
        address.bus().into(),
        address.slot_number().into(),
        address.function().into(),
    ]
}

fn spliced(document: &str, cards: &[PciAddress]) -> String {
    let out = splice(document.as_bytes(), cards).expect("a domain");
    String::from_utf8(out).expect("UTF-8")
}

fn retargeted(document: &str, moved: &[MovedCard]) -> String {
    let out = retarget(document.as_bytes(), moved).expect("a domain");
    String::from_utf8(out).expect("UTF-8")
}

/// The text that `after` has and `before` has not, without blanks. It begins with `>` if an empty
/// `<devices/>` or `<domain/>` was opened.
///
/// # Panics If more than one place changed.
fn inserted(before: &str, after: &str) -> String {
    let same = before
        .char_indices()
        .zip(after.chars())
        .find(|((_, b), a)| b != a)
        .map_or(before.len(), |((at, _), _)| at);
    let rest = &before[same..];
    let rest = match rest.strip_prefix("/>") {
        Some(rest) if after[same..].starts_with('>') => rest,
        _ => rest,
    };
    let inserted = after[same..]
        .strip_suffix(rest)
        .unwrap_or_else(|| panic!("more than one change:\n{before}\n---\n{after}"));
    let words: String = inserted.split_ascii_whitespace().collect();
    // The text after the insertion may begin as the insertion does.
    match words.strip_suffix('<') {
        Some(words) => format!("<{words}"),
        None => words,
    }
}

/// The markup for `cards`, without blanks.
fn markup(cards: &[PciAddress]) -> String {
    let one = |card: &PciAddress| {
        let [domain, bus, slot, function] = numbers(*card);
        format!(
            "<hostdevmode='subsystem'type='pci'managed='yes'><source><addressdomain='{domain:#06x}'\
             bus='{bus:#04x}'slot='{slot:#04x}'function='{function:#x}'/></source></hostdev>"
        )
    };
    cards.iter().map(one).collect()
}

/// The expected insertion into `document`, without blanks.
fn expected_insertion(document: &str, cards: &[PciAddress]) -> String {
    let tree = Document::parse(document).expect("a generated domain is well-formed");
    let content = markup(cards);
    let root = tree.root_element();
    match devices(&tree).last() {
        Some(list) if is_empty_tag(document, *list) => format!(">{content}</devices>"),
        Some(_) => content,
        None if is_empty_tag(document, root) => format!("><devices>{content}</devices></domain>"),
        None => format!("<devices>{content}</devices>"),
    }
}

fn is_empty_tag(document: &str, element: roxmltree::Node<'_, '_>) -> bool {
    !element.has_children() && document[element.range()].ends_with("/>")
}

/// Whether `after` has a line end that `before` does not have.
fn has_other_line_ends(before: &str, after: &str) -> bool {
    let is_dos = before.contains("\r\n");
    let lone = after.replace("\r\n", "");
    lone.contains('\r') || (is_dos && lone.contains('\n')) || (!is_dos && after.contains('\r'))
}

/// Cards that moved, each from one of several slots.
fn moves() -> impl Strategy<Value = Vec<MovedCard>> {
    let one = (vec(slot(), 0..3), slot()).prop_map(|(from, to)| MovedCard { from, to });
    vec(one, 0..4).prop_map(|mut moves| {
        // Two cards of a guest are never in one slot.
        let mut seen = BTreeSet::new();
        moves.retain(|moved| seen.insert(moved.to));
        moves
    })
}

/// The slots of a guest's cards on three hosts.
fn hosts() -> impl Strategy<Value = [Vec<PciSlot>; 3]> {
    let slots = |count| {
        vec(slot(), 64).prop_map(move |many| {
            let mut seen = BTreeSet::new();
            let mut different = many;
            different.retain(|slot| seen.insert(*slot));
            different.truncate(count);
            different
        })
    };
    (1..4_usize).prop_flat_map(move |count| [slots(count), slots(count), slots(count)])
}

fn is_in(numbers_of_one: &Numbers, slot: PciSlot) -> bool {
    slot.function(numbers_of_one[3] as u8).map(numbers) == Some(*numbers_of_one)
}

fn moved_to(numbers_of_one: &Numbers, slot: PciSlot) -> Numbers {
    let function = slot.function(numbers_of_one[3] as u8);
    numbers(function.expect("a function that was read"))
}

/// Random bytes, or a domain with errors.
fn junk() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    prop_oneof![
        1 => vec(any::<u8>(), 0..64),
        4 => vec(piece, 0..24).prop_map(|pieces| pieces.concat()),
    ]
}

const PIECES: &[&str] = &[
    "<domain>",
    "</domain>",
    "<domain/>",
    "<devices>",
    "</devices>",
    "<devices/>",
    "<devices />",
    "<hostdev type='pci'>",
    "</hostdev>",
    "<source>",
    "</source>",
    "<source/>",
    "<address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>",
    "<address bus='",
    "&#x30;",
    "2",
    "'/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?x",
    "?>",
    "\n",
    "\r\n",
    "\t",
    " ",
    "/",
    ">",
    "<",
    "\u{feff}",
    "é",
    "<?xml version='1.0'?>",
    "<!DOCTYPE x>",
    " xmlns='u'",
    "\u{0}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn splice_adds_cards_and_changes_nothing_else(before in domain(), cards in addresses(1..4)) {
        let after = spliced(&before, &cards);
        let there = claimed(&before);
        let missing: Vec<PciAddress> =
            cards.iter().copied().filter(|card| !there.contains(&numbers(*card))).collect();
        if missing.is_empty() {
            prop_assert_eq!(&before, &after);
        } else {
            prop_assert_eq!(inserted(&before, &after), expected_insertion(&before, &missing));
        }
        prop_assert!(!has_other_line_ends(&before, &after), "{}", after);
    }

    #[test]
    fn each_card_is_in_the_result_once(before in domain(), cards in addresses(1..4)) {
        let after = hostdevs(&spliced(&before, &cards));
        let claimed = claimed(&before);
        let before = hostdevs(&before);
        prop_assert_eq!(&after[..before.len()], &before[..]);
        for card in cards {
            let count = |all: &[Numbers]| all.iter().filter(|one| **one == numbers(card)).count();
            let is_new = !claimed.contains(&numbers(card));
            prop_assert_eq!(count(&after), count(&before) + usize::from(is_new), "{}", card);
        }
    }

    #[test]
    fn splice_is_idempotent(before in domain(), cards in addresses(0..4)) {
        let once = spliced(&before, &cards);
        prop_assert_eq!(spliced(&once, &cards), once);
    }

    #[test]
    fn two_splices_equal_one_of_all_cards(
        before in domain(),
        first in addresses(0..3),
        second in addresses(0..3),
    ) {
        let both = spliced(&spliced(&before, &first), &second);
        let mut cards = first;
        cards.extend(second.into_iter().filter(|card| !cards.contains(card)).collect::<Vec<_>>());
        prop_assert_eq!(hostdevs(&both), hostdevs(&spliced(&before, &cards)));
    }

    #[test]
    fn retarget_changes_only_source_addresses(before in domain(), moves in moves()) {
        let after = retargeted(&before, &moves);
        prop_assert_eq!(without_source_addresses(&before), without_source_addresses(&after));
        let (old, new) = (hostdevs(&before), hostdevs(&after));
        prop_assert_eq!(old.len(), new.len());
        for (old, new) in old.iter().zip(&new) {
            let is_move = |moved: &MovedCard| {
                let was_there = moved.from.iter().any(|from| is_in(old, *from));
                was_there && moved_to(old, moved.to) == *new
            };
            prop_assert!(old == new || moves.iter().any(is_move), "{:?} became {:?}", old, new);
        }
    }

    #[test]
    fn retarget_moves_all_functions_of_a_card(before in domain(), from in slot(), to in slot()) {
        let old = hostdevs(&before);
        let is_there_already = claimed(&before).iter().any(|function| is_in(function, to));
        let new = hostdevs(&retargeted(&before, &[MovedCard { from: vec![from], to }]));
        for (old, new) in old.iter().zip(&new) {
            let follows = is_in(old, from) && !is_there_already;
            let expected = if follows { moved_to(old, to) } else { *old };
            prop_assert_eq!(*new, expected);
        }
    }

    #[test]
    fn retarget_finds_all_cards_of_a_guest_from_another_host(hosts in hosts(), order in 0..4_usize) {
        let [there, here, elsewhere] = &hosts;
        let function = |slot: &PciSlot| slot.function(0).expect("function 0");
        let mut cards: Vec<PciAddress> = there.iter().map(function).collect();
        cards.rotate_left(order % there.len());
        let moves: Vec<MovedCard> = here
            .iter()
            .zip(there.iter().zip(elsewhere))
            .map(|(to, (there, elsewhere))| MovedCard { from: vec![*elsewhere, *there], to: *to })
            .collect();
        let once = retargeted(&spliced("<domain/>", &cards), &moves);
        let found: BTreeSet<Numbers> = hostdevs(&once).into_iter().collect();
        prop_assert_eq!(&found, &here.iter().map(|slot| numbers(function(slot))).collect());
        prop_assert_eq!(retargeted(&once, &moves), once);
    }

    #[test]
    fn retarget_is_idempotent(before in domain(), mut moves in moves()) {
        // If one card is now where another was, some of the functions in a document could be of
        // either card.
        let here: Vec<PciSlot> = moves.iter().map(|moved| moved.to).collect();
        moves.iter_mut().for_each(|moved| moved.from.retain(|from| !here.contains(from)));
        let once = retargeted(&before, &moves);
        prop_assert_eq!(retargeted(&once, &moves), once);
    }

    #[test]
    fn splice_and_retarget_never_panic(bytes in junk(), cards in addresses(1..3), moves in moves()) {
        let _ = splice(&bytes, &cards).map(|after| assert!(after.len() >= bytes.len()));
        let _ = retarget(&bytes, &moves);
    }
}
