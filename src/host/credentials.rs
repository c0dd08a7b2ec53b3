//! Who may open a device node: by its owner, group and mode, and by who sits at the host.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::host::nodes::Node;
use crate::host::{Machine, is_gone};
use crate::paths::SEATS;

/// Daemons have ids below this (SYS_UID_MAX of login.defs).
const FIRST_PERSON: u32 = 1000;

/// Whose a process is. The real ids count: a program of another user that this user started does not make the
/// user more than he is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) uid: u32,
    groups: Vec<u32>,
}

/// Who may open a node.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Gate {
    Known {
        owner: u32,
        group: u32,
        mode: u32,
    },
    /// Its file is not where the kernel puts it: it may have another name, and any mode.
    Unknown,
}

/// Who may open at least one of a card's nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Access {
    gates: Vec<Gate>,
    /// The users who sit at the host. logind lets them open its cards, by access lists. Other access lists are
    /// not read.
    seated: Vec<u32>,
}

impl Credentials {
    /// Reads `/proc/PID/status`.
    fn parse(status: &str) -> Option<Self> {
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name))?;
            let numbers = value.split_ascii_whitespace().map(str::parse::<u32>);
            numbers.collect::<Result<Vec<u32>, _>>().ok()
        };
        let uid = *field("Uid:")?.first()?;
        let mut groups = field("Groups:").unwrap_or_default();
        groups.push(*field("Gid:")?.first()?);
        Some(Self { uid, groups })
    }

    pub(super) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Whether this is the user of a daemon.
    pub(super) fn is_of_system(&self) -> bool {
        self.uid < FIRST_PERSON
    }
}

impl Access {
    pub(super) fn is_open_to(&self, who: &Credentials) -> bool {
        let may_open = |gate: &Gate| match gate {
            Gate::Unknown => true,
            Gate::Known { owner, group, mode } => {
                let shift = match () {
                    () if *owner == who.uid => 6,
                    () if who.groups.contains(group) => 3,
                    () => 0,
                };
                mode >> shift & 0o6 != 0
            }
        };
        let sits = self.seated.contains(&who.uid) && !self.gates.is_empty();
        who.is_root() || sits || self.gates.iter().any(may_open)
    }
}

impl Machine {
    /// Whose a process is; `None` if it has ended.
    pub(super) fn credentials(&self, pid: u32) -> Option<Credentials> {
        let folder = format!("/proc/{pid}");
        let status = self.text(&format!("{folder}/status"));
        let unknown = || {
            // Whoever it is, it is read to its end.
            let (uid, groups) = (0, Vec::new());
            self.exists(&folder).then_some(Credentials { uid, groups })
        };
        status
            .and_then(|status| Credentials::parse(&status))
            .or_else(unknown)
    }

    /// Who may open one of `nodes`.
    pub(super) fn access(&self, nodes: &[Node]) -> Access {
        Access {
            gates: nodes.iter().filter_map(|node| self.gate(node)).collect(),
            seated: self.seated(),
        }
    }

    fn gate(&self, node: &Node) -> Option<Gate> {
        match fs::metadata(self.path(&node.path)) {
            Ok(facts) => Some(Gate::Known {
                owner: facts.uid(),
                group: facts.gid(),
                mode: facts.mode(),
            }),
            // A node that the kernel does not number is found by its path alone.
            Err(error) if is_gone(&error) && node.number.is_none() => None,
            Err(_) => Some(Gate::Unknown),
        }
    }

    /// The users with a session at a seat. One who has switched to another session keeps what is open.
    fn seated(&self) -> Vec<u32> {
        let seats = self.children(SEATS).into_iter();
        let texts = seats.filter_map(|seat| self.text(&format!("{SEATS}/{seat}")));
        texts.flat_map(|text| users_of_seat(&text)).collect()
    }
}

/// Reads a file of logind's: `ACTIVE_UID=1000`, `UIDS=1000 1001`.
fn users_of_seat(text: &str) -> Vec<u32> {
    let fields = text.lines().filter_map(|line| line.split_once('='));
    let users = fields.filter(|(name, _)| matches!(*name, "ACTIVE_UID" | "UIDS"));
    let ids = users.flat_map(|(_, ids)| ids.split_ascii_whitespace());
    ids.filter_map(|id| id.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn who(uid: u32, groups: &[u32]) -> Credentials {
        let groups = groups.to_vec();
        Credentials { uid, groups }
    }

    #[test]
    fn the_real_ids_of_a_process_count() {
        let status = "Name:\tping\nUid:\t1000\t0\t0\t0\nGid:\t100\t0\t0\t0\nGroups:\t44 993 \n";
        assert_eq!(Credentials::parse(status), Some(who(1000, &[44, 993, 100])));
        assert_eq!(Credentials::parse("Name:\tping\n"), None);
    }

    #[test]
    fn user_who_switched_to_another_session_sits_at_the_host() {
        let seat = "IS_SEAT0=1\nACTIVE=4\nACTIVE_UID=1001\nSESSIONS=4 2\nUIDS=1001 1000\n";
        assert_eq!(users_of_seat(seat), [1001, 1001, 1000]);
    }

    #[test]
    fn owner_group_and_others_may_open_what_the_mode_says() {
        let node = |mode| Access {
            gates: vec![Gate::Known {
                owner: 107,
                group: 44,
                mode,
            }],
            seated: vec![1001],
        };
        for (mode, uid, groups, is_open) in [
            (0o660, 107, &[][..], true),
            (0o660, 1000, &[44], true),
            (0o660, 1000, &[45], false),
            (0o666, 1000, &[45], true),
            (0o604, 1000, &[44], false),
            (0o600, 1001, &[], true),
            (0o600, 0, &[], true),
        ] {
            let answer = node(mode).is_open_to(&who(uid, groups));
            assert_eq!(answer, is_open, "{mode:o} {uid} {groups:?}");
        }
        let unknown = Access {
            gates: vec![Gate::Unknown],
            seated: Vec::new(),
        };
        assert!(unknown.is_open_to(&who(1000, &[])));
        assert!(!Access::default().is_open_to(&who(1000, &[])));
    }
}
