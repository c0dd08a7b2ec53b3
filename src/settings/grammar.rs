//! Chooses the grammar of messages.

use crate::failure::Grammar;
use crate::host::Machine;
use crate::paths::{ROCKS, ROCKS_SOCKET};
use crate::settings::Settings;
use crate::settings::database::database_host;

/// The grammar for messages on `machine`. `named` is the URL of the command line or the environment. Whoever
/// chooses a database himself, there or in the settings, knows what it lets him do.
pub fn grammar_of(machine: &Machine, named: Option<&str>, is_asked_by_rocks: bool) -> Grammar {
    let is_set = || Settings::of(machine).is_ok_and(|settings| settings.database.is_some());
    let is_node = is_rocks_node(machine) && named.is_none() && !is_set();
    match (is_node, is_asked_by_rocks) {
        (true, false) => Grammar::GpupciOnNode,
        (true, true) => Grammar::RocksOnNode,
        (false, true) => Grammar::Rocks,
        (false, false) => Grammar::Gpupci,
    }
}

/// Whether the machine is a node of Rocks. A frontend has the server's socket while the server runs; a node knows
/// the address of its frontend.
fn is_rocks_node(machine: &Machine) -> bool {
    machine.exists(ROCKS) && !machine.exists(ROCKS_SOCKET) && database_host(machine).is_some()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test makes files")]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use std::fs;

    const FRONTEND: (&str, &str) = ("var/cluster/frontend", "10.1.1.1\n");
    const LIBRARY: &str = "opt/rocks/lib/python2.7/site-packages/rocks/__init__.py";

    /// The grammar on a machine with Rocks and these files, for users of `gpupci` and of `rocks`.
    fn on(files: &[(&str, &str)], named: Option<&str>) -> (Grammar, Grammar) {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in [&[("opt/rocks/bin/rocks", "")], files].concat() {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
            fs::write(path, text).expect("a file");
        }
        let machine = Machine::at(root.path());
        let grammar = |is_asked_by_rocks| grammar_of(&machine, named, is_asked_by_rocks);
        (grammar(false), grammar(true))
    }

    #[test]
    fn node_of_rocks_is_one_that_knows_its_frontend() {
        let node = (Grammar::GpupciOnNode, Grammar::RocksOnNode);
        let frontend = (Grammar::Gpupci, Grammar::Rocks);
        let socket = ("var/opt/rocks/mysql/mysql.sock", "");
        assert_eq!(on(&[FRONTEND], None), node);
        assert_eq!(on(&[(LIBRARY, "DatabaseHost = \"fe\"\n")], None), node);
        assert_eq!(on(&[FRONTEND, socket], None), frontend);
        assert_eq!(on(&[], None), frontend, "its server is down");
        assert_eq!(on(&[(LIBRARY, "\n")], None), frontend, "its server is down");
    }

    #[test]
    fn who_chooses_a_database_on_a_node_may_change_it_there() {
        let chosen = (Grammar::Gpupci, Grammar::Rocks);
        let settings = ("etc/gpupt.toml", "database = 'sqlite:/c.db'\n");
        assert_eq!(on(&[FRONTEND, settings], None), chosen);
        assert_eq!(on(&[FRONTEND], Some("sqlite:/c.db")), chosen);
        let stub = ("etc/gpupt.toml", "stub = 'auto'\n");
        assert_eq!(on(&[FRONTEND, stub], None).0, Grammar::GpupciOnNode);
    }
}
