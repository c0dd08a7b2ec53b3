//! Finds the processes that have a device node open or mapped.

use std::fs;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::binding::{ActError, Unseen, User};
use crate::failure::SystemError;
use crate::host::nodes::{Node, Nodes};
use crate::host::shares::{Shares, Wanted};
use crate::host::{Machine, SysfsKernel};
use crate::listing::listed;
use crate::pci::PciAddress;

/// The longest time for one process. One that takes longer gets ten times as much or hangs.
const PATIENCE_MAX: Duration = Duration::from_secs(1);

/// The result of a check of all processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// The processes that use one of the nodes, by process id.
    pub found: Vec<User>,
    /// Why some processes could not be checked: they may use a node.
    pub unseen: Vec<Unseen>,
    /// Users whose processes were not read to their end. They may not open the nodes, so that is no reason to
    /// refuse. An earlier release does not name them.
    #[serde(default)]
    pub skipped: Vec<u32>,
}

/// The arguments of a check, as the child gets them.
#[derive(Serialize, Deserialize)]
struct UserQuery {
    /// The functions to check, as sysfs names them.
    functions: Vec<String>,
    /// The functions of other cards: a process that uses one of these may have a shared node open for it.
    #[serde(default)]
    others: Vec<String>,
    /// How long one process may take.
    #[serde(default = "patience_max")]
    patience: Duration,
}

fn patience_max() -> Duration {
    PATIENCE_MAX
}

impl Machine {
    /// The processes that use one of `functions`, and not only a node that is shared with one of
    /// `others`. The check runs in a child that can be abandoned: it can hang at a process that hangs.
    pub fn users_of(
        &self,
        functions: &[PciAddress],
        others: &[PciAddress],
        deadline: Duration,
    ) -> Users {
        let texts = |functions: &[PciAddress]| functions.iter().map(ToString::to_string).collect();
        let query = UserQuery {
            functions: texts(functions),
            others: texts(others),
            patience: PATIENCE_MAX.min(deadline / 20),
        };
        let query = serde_json::to_string_pretty(&query).unwrap_or_default();
        let users = SysfsKernel::of(self, deadline).check_users(&query);
        users.unwrap_or_else(|error| match error {
            ActError::Late => Users::unseen(Unseen::Late(deadline)),
            ActError::Refused(error) => {
                Users::unseen(Unseen::unreadable(SystemError(&error).to_string()))
            }
        })
    }

    /// Runs the check of [`Machine::users_of`], in the child.
    pub(super) fn answer_user_query(&self, query: &str) -> io::Result<Vec<u8>> {
        let query: UserQuery = serde_json::from_str(query)?;
        let own = self.nodes_of(&query.functions);
        if own.found.is_empty() && own.unread.is_none() {
            // There is nothing that a process could have open.
            return Ok(serde_json::to_vec_pretty(&Users::default())?);
        }
        let machine = self.clone();
        let nodes = OnceLock::new();
        let others = move || -> Vec<Node> {
            let nodes: &Vec<Node> = nodes.get_or_init(|| machine.own_nodes_of(&query.others));
            nodes.clone()
        };
        let wanted = Wanted {
            nodes: own.found,
            others: Box::new(others),
        };
        let mut users = self.users(wanted, Shares::default(), query.patience);
        users.unseen.extend(own.unread.map(Unseen::unreadable));
        Ok(serde_json::to_vec_pretty(&users)?)
    }

    /// The nodes that only these functions have.
    fn own_nodes_of(&self, functions: &[String]) -> Vec<Node> {
        let mut nodes = self.nodes_of(functions).found;
        nodes.retain(|node| !node.is_shared);
        nodes
    }

    /// The nodes of all these functions.
    fn nodes_of(&self, functions: &[String]) -> Nodes {
        let mut all = Nodes::default();
        let functions = functions
            .iter()
            .filter_map(|function| function.parse().ok());
        for nodes in functions.map(|function| self.all_nodes(function)) {
            all.found.extend(nodes.found);
            all.unread = all.unread.or(nodes.unread);
        }
        all
    }

    pub(super) fn user(&self, pid: u32, node: &str) -> User {
        User {
            pid,
            command: self.command_of(pid),
            guest: self.guest_of(pid),
            node: node.to_owned(),
        }
    }

    fn command_of(&self, pid: u32) -> String {
        let command = self.text(&format!("/proc/{pid}/comm")).unwrap_or_default();
        match command.trim_end_matches('\n') {
            "" => "a process".to_owned(),
            command => command.to_owned(),
        }
    }

    /// The guest that a QEMU process runs, as libvirt names it to QEMU (`-name guest=NAME,…`).
    fn guest_of(&self, pid: u32) -> Option<String> {
        let line = fs::read(self.path(format!("/proc/{pid}/cmdline"))).ok()?;
        let mut words = line.split(|byte| *byte == 0);
        let program = words.next()?;
        if !String::from_utf8_lossy(program).contains("qemu") {
            return None;
        }
        let name = words.skip_while(|word| *word != b"-name").nth(1)?;
        let name = String::from_utf8_lossy(name).into_owned();
        let name = name.strip_prefix("guest=").unwrap_or(&name);
        Some(first_value(name))
    }
}

/// The first value of an option of QEMU's. A comma in it is doubled.
fn first_value(text: &str) -> String {
    let mut value = String::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character == ',' && rest.next_if_eq(&',').is_none() {
            break;
        }
        value.push(character);
    }
    value
}

impl Users {
    /// Reads the answer of a child.
    pub(super) fn parse(answer: Result<Vec<u8>, ActError>) -> Result<Self, ActError> {
        let text = String::from_utf8_lossy(&answer?).into_owned();
        serde_json::from_str(&text).map_err(|error| ActError::Refused(error.into()))
    }

    fn unseen(why: Unseen) -> Self {
        Self {
            unseen: vec![why],
            ..Self::default()
        }
    }

    /// Adds a process that could not be read. One is enough to refuse; in a container there are hundreds.
    pub(super) fn add_unreadable(&mut self, machine: &Machine, pid: u32, error: &io::Error) {
        for unseen in &mut self.unseen {
            if let Unseen::Unreadable { others, .. } = unseen {
                *others += 1;
                return;
            }
        }
        let (command, error) = (machine.command_of(pid), SystemError(error));
        let why = format!("{command} (pid {pid}): {error}");
        self.unseen.push(Unseen::unreadable(why));
    }

    /// A note about the users whose processes were not read to their end.
    pub fn note(&self) -> Option<String> {
        let users = listed(&self.skipped);
        (!self.skipped.is_empty()).then(|| {
            format!(
                "not all open files of these users were checked, because they are too many or a \
                 process hangs: {users}; they may not open the card"
            )
        })
    }

    /// Adds a process whose reader hangs.
    pub(super) fn add_hanging(&mut self, machine: &Machine, pid: u32) {
        self.unseen.push(Unseen::Hangs {
            pid,
            command: machine.command_of(pid),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn query_and_answer_of_another_release_are_read_or_refused() {
        let query: Result<UserQuery, _> = serde_json::from_str(r#"{"functions":[],"new":1}"#);
        assert!(query.is_ok_and(|query| query.patience == PATIENCE_MAX));
        assert!(serde_json::from_str::<UserQuery>(r#"{"others":[]}"#).is_err());
        let parse = |text: &str| Users::parse(Ok(text.into()));
        let earlier = parse(r#"{"found":[],"unseen":[],"new":1}"#);
        assert_eq!(earlier.ok(), Some(Users::default()));
        // The hook then does the check itself.
        for text in [
            "[]",
            "",
            r#"{"found":[]}"#,
            r#"{"unseen":[]}"#,
            r#"{"found":[],"unseen":["New"]}"#,
        ] {
            assert!(matches!(parse(text), Err(ActError::Refused(_))), "{text}");
        }
    }

    #[test]
    fn guest_name_ends_at_a_single_comma() {
        for (text, name) in [
            ("rocks-33,debug-threads=on", "rocks-33"),
            ("a,,b,debug-threads=on", "a,b"),
            ("alone", "alone"),
            ("", ""),
        ] {
            assert_eq!(first_value(text), name);
        }
    }
}
