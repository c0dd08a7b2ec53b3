//! The guests that libvirt or the hook know: defined ones, running ones, and transient ones whose start the
//! hook has recorded.

use crate::domain_xml::{BYTES_MAX, Claim, claims, domain_of_status, guest_identity};
use crate::host::{Machine, Start};
use crate::paths::{GUEST_DEFINITIONS, RUNNING_GUESTS};
use crate::uuid::GuestUuid;

/// A status file is longer than the domain XML in it.
const STATUS_BYTES_MAX: usize = 2 * BYTES_MAX;

/// What is known of a guest.
#[derive(Clone, Debug)]
pub struct KnownGuest {
    /// Its name.
    pub name: String,
    /// Its uuid. Only a definition that libvirt did not write has none.
    pub uuid: Option<GuestUuid>,
    /// Its domain XML; `None` for a transient guest that does not run.
    pub xml: Option<Vec<u8>>,
    /// Its last start, from the hook.
    pub start: Option<Start>,
}

impl KnownGuest {
    /// The devices that it claims, from its XML, else from the record of its last start.
    pub fn claims(&self) -> Vec<Claim> {
        match (&self.xml, &self.start) {
            (Some(xml), _) => claims(xml),
            (None, Some(start)) => {
                let claims = start.claims.iter();
                claims.filter_map(|claim| claim.parse().ok()).collect()
            }
            (None, None) => Vec::new(),
        }
    }

    fn is_meant(&self, word: &str) -> bool {
        let is_uuid = |uuid: &GuestUuid| uuid.as_str() == word.to_ascii_lowercase();
        self.name == word || self.uuid.as_ref().is_some_and(is_uuid)
    }
}

impl Machine {
    /// The guest with this name or uuid.
    pub fn known_guest(&self, word: &str) -> Option<KnownGuest> {
        let mut documents = self
            .documents(GUEST_DEFINITIONS)
            .chain(self.running_documents());
        let described = documents.find_map(|xml| {
            let identity = guest_identity(&xml)?;
            let guest = KnownGuest {
                name: identity.name,
                uuid: identity.uuid,
                xml: Some(xml),
                start: None,
            };
            guest.is_meant(word).then_some(guest)
        });
        match described {
            Some(guest) => Some(KnownGuest {
                start: guest.uuid.as_ref().and_then(|uuid| self.last_start(uuid)),
                ..guest
            }),
            None => self.recorded_guest(word),
        }
    }

    /// The transient guest that is meant. A new guest can have the name of an earlier one, so the last one counts.
    fn recorded_guest(&self, word: &str) -> Option<KnownGuest> {
        let starts = self.recorded_starts().into_iter();
        let guests = starts.map(|(uuid, start)| KnownGuest {
            name: start.guest.clone(),
            uuid: Some(uuid),
            xml: None,
            start: Some(start),
        });
        let meant = guests.filter(|guest| guest.is_meant(word));
        meant.max_by_key(|guest| guest.start.as_ref().map(|start| start.at))
    }

    /// The domain XML in libvirt's files about running guests.
    fn running_documents(&self) -> impl Iterator<Item = Vec<u8>> {
        let statuses = self.documents(RUNNING_GUESTS);
        statuses.filter_map(|status| domain_of_status(&status).map(<[u8]>::to_vec))
    }

    /// The XML files in a folder.
    fn documents(&self, folder: &'static str) -> impl Iterator<Item = Vec<u8>> {
        let names = self.children(folder).into_iter();
        let names = names.filter(|name| name.ends_with(".xml"));
        names.filter_map(move |name| {
            let path = format!("{folder}/{name}");
            self.read_limited(&path, STATUS_BYTES_MAX as u64).ok()
        })
    }
}
