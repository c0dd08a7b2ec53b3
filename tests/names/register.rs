//! Properties of the register of names, for any sequence of plugs and pulls.

use std::collections::{BTreeMap, BTreeSet};

use gpupt::gpu::{CardName, GpuCard, PciFunction, Register, Registered, cards_of};
use gpupt::pci::{ClassCode, Identity, PciAddress, VendorId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// The cards of a host: the device id in each slot.
type Slots = BTreeMap<PciAddress, u16>;

/// A change of the cards between two lists.
#[derive(Clone, Debug)]
enum Event {
    Plug(PciAddress, u16),
    Pull(PciAddress),
}

fn address() -> impl Strategy<Value = PciAddress> {
    let domains = select(vec![0u32, 1, 0x1_0000, u32::MAX]);
    let place = (domains, select(vec![0u32, 1, 2, 0xff]), 0u32..4);
    place.prop_map(|(domain, bus, slot)| {
        PciAddress::new(domain, bus, slot, 0).expect("it is in range")
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (address(), 0u16..3).prop_map(|(place, device)| Event::Plug(place, device)),
        2 => address().prop_map(Event::Pull),
    ]
}

fn cards(slots: &Slots) -> Vec<GpuCard> {
    let function = |(address, _): (&PciAddress, &u16)| PciFunction {
        address: *address,
        vendor: VendorId::NVIDIA,
        class: ClassCode::from_sysfs("0x030000").expect("a class"),
        is_virtual: false,
    };
    cards_of(slots.iter().map(function).collect(), &[VendorId::NVIDIA])
}

fn identity(device: u16) -> Identity {
    Identity {
        vendor: VendorId::NVIDIA,
        device,
        subsystem: (device != 0).then_some((0x1043, device)),
    }
}

/// Names the cards and stores the names in the register.
fn look(register: &mut Register, slots: &Slots) -> Vec<GpuCard> {
    let mut cards = cards(slots);
    register.name(&mut cards);
    register.add(cards.iter().map(|card| Registered {
        name: card.name,
        address: card.display.address,
        identity: identity(slots[&card.display.address]),
    }));
    cards
}

fn by_place(register: &Register) -> BTreeMap<PciAddress, Registered> {
    let cards = register.cards();
    cards.map(|card| (card.address, *card)).collect()
}

proptest! {
    #[test]
    fn names_stay_through_any_sequence_of_plugs_and_pulls(rounds in vec(vec(event(), 0..6), 1..8)) {
        let (mut register, mut slots) = (Register::default(), Slots::new());
        for events in rounds {
            for event in events {
                match event {
                    Event::Plug(place, device) => drop(slots.insert(place, device)),
                    Event::Pull(place) => drop(slots.remove(&place)),
                }
            }
            let before = by_place(&register);
            let cards = look(&mut register, &slots);
            let after = by_place(&register);

            // Every card is listed once, in the order of names. Earlier entries of the register
            // stay.
            prop_assert_eq!(cards.len(), slots.len());
            prop_assert!(cards.is_sorted_by(|a, b| a.name < b.name));
            for (place, known) in &before {
                prop_assert_eq!(after.get(place), Some(known));
            }
            for card in &cards {
                prop_assert_eq!(after[&card.display.address].name, card.name);
            }

            // New names are the lowest free ones, in the order of addresses.
            let taken: BTreeSet<CardName> = before.values().map(|card| card.name).collect();
            let free = (0..).filter_map(CardName::nth).filter(|name| !taken.contains(name));
            let new: Vec<CardName> = after
                .iter()
                .filter(|(place, _)| !before.contains_key(place))
                .map(|(_, card)| card.name)
                .collect();
            prop_assert_eq!(&new, &free.take(new.len()).collect::<Vec<_>>());

            // The register is the same after it is written and read again.
            let again = Register::from_json(&register.to_json()).expect("our own words");
            prop_assert_eq!(&again, &register);
        }
    }

    #[test]
    fn missing_card_is_sought_only_where_no_equal_card_was(
        old in vec((address(), 0u16..3), 0..8),
        new in vec((address(), 0u16..3), 0..8),
    ) {
        let (old, new): (Slots, Slots) = (old.into_iter().collect(), new.into_iter().collect());
        let mut register = Register::default();
        look(&mut register, &old);
        let present: Vec<_> = new.iter().map(|(place, device)| (*place, identity(*device))).collect();
        for lost in by_place(&register).values() {
            let matches: Vec<PciAddress> = new
                .iter()
                .filter(|(place, device)| {
                    identity(**device) == lost.identity && old.get(place) != Some(device)
                })
                .map(|(place, _)| *place)
                .collect();
            let found = register.new_address_of(lost, &present);
            prop_assert_eq!(found, matches.first().copied().filter(|_| matches.len() == 1));
        }
    }
}

#[test]
fn reading_any_text_as_a_names_file_does_not_panic() {
    let card = |name: &str, place: &str| {
        format!(
            "{{\"name\":\"{name}\",\"address\":\"{place}\",\"vendor\":\"10de\",\
             \"device\":\"1e87\",\"subsystem_vendor\":null,\"subsystem_device\":null}}"
        )
    };
    let (one, two) = (
        card("gpupci1", "0000:01:00.0"),
        card("gpupci2", "0000:02:00.0"),
    );
    let file = format!("{{\"version\":1,\"cards\":[{one},{two}]}}");
    let whole = Register::from_json(&file).expect("two cards");
    assert_eq!(whole.cards().count(), 2);
    // A truncated file is refused, wherever it was cut.
    for end in 0..file.len() {
        assert!(Register::from_json(&file[..end]).is_err(), "{end}");
    }
}
