//! The grammar in which messages name the commands about attributes. All messages are written in that of `gpupci`, and
//! are spelled in another one where they are shown: a user of `rocks` gets `rocks set host gpu`.

/// The commands that exist in both grammars, and whether they change something.
const VERBS: [(&str, bool); 6] = [
    ("add", true),
    ("set", true),
    ("remove", true),
    ("list", false),
    ("report", false),
    ("dump", false),
];
const START: &str = "gpupci host ";

/// Who gets the messages. Only the frontend of Rocks may change attributes; a node may read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// A user of `gpupci`.
    Gpupci,
    /// A user of `rocks`.
    Rocks,
    /// A user of `gpupci` on a node, which need not have the commands for `rocks`.
    GpupciOnNode,
    /// A user of `rocks` on a node.
    RocksOnNode,
}

impl Grammar {
    /// The text with its commands in this grammar.
    pub fn spell(self, text: &str) -> String {
        let mut parts = text.split(START);
        let mut spelled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let is_first =
                |(verb, _): &&(&str, bool)| part.split(is_no_letter).next() == Some(*verb);
            let known = VERBS.iter().find(is_first);
            match known.map(|(verb, changes)| (self, *changes, *verb, &part[verb.len()..])) {
                Some((Self::GpupciOnNode | Self::RocksOnNode, true, verb, rest)) => {
                    add_on_frontend(&mut spelled, verb, rest);
                }
                Some((Self::Rocks | Self::RocksOnNode, _, verb, rest)) => {
                    spelled += &["rocks ", verb, " host gpu", rest].concat();
                }
                _ => spelled += &[START, part].concat(),
            }
        }
        spelled
    }
}

/// Adds `rocks VERB host gpu` and the `rest`, and where to run it: behind the backticks, if there are any.
fn add_on_frontend(spelled: &mut String, verb: &str, rest: &str) {
    if spelled.ends_with('`') {
        let (words, rest) = rest.split_once('`').unwrap_or((rest, ""));
        *spelled += &format!("rocks {verb} host gpu{words}` on the frontend{rest}");
    } else {
        *spelled += &format!("on the frontend, run: rocks {verb} host gpu{rest}");
    }
}

fn is_no_letter(c: char) -> bool {
    !c.is_ascii_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn commands_are_spelled_for_those_who_read_them() {
        for (text, rocks, node) in [
            (
                "gpupci host add vm-c-0-15 gpupci1 pci_0000_02_00_0",
                "rocks add host gpu vm-c-0-15 gpupci1 pci_0000_02_00_0",
                "on the frontend, run: rocks add host gpu vm-c-0-15 gpupci1 pci_0000_02_00_0",
            ),
            (
                "fix it with `gpupci host set`, then check with `gpupci host conflicts`",
                "fix it with `rocks set host gpu`, then check with `gpupci host conflicts`",
                "fix it with `rocks set host gpu` on the frontend, then check with `gpupci host conflicts`",
            ),
            (
                "compare `gpupci host list` with `gpupci list` on that host",
                "compare `rocks list host gpu` with `gpupci list` on that host",
                "compare `gpupci host list` with `gpupci list` on that host",
            ),
            (
                "gpupci host settle",
                "gpupci host settle",
                "gpupci host settle",
            ),
            ("gpupci host ", "gpupci host ", "gpupci host "),
            (
                "`gpupci host set",
                "`rocks set host gpu",
                "`rocks set host gpu` on the frontend",
            ),
        ] {
            assert_eq!(Grammar::Gpupci.spell(text), text);
            assert_eq!(Grammar::Rocks.spell(text), rocks);
            assert_eq!(Grammar::GpupciOnNode.spell(text), node);
        }
        let text = "check `gpupci host list`, then `gpupci host set`";
        assert_eq!(
            Grammar::RocksOnNode.spell(text),
            "check `rocks list host gpu`, then `rocks set host gpu` on the frontend"
        );
    }
}
