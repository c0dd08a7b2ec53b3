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

/// Who gets the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// A user of `gpupci`.
    Gpupci,
    /// A user of `rocks`.
    Rocks,
    /// A user of a Rocks node, which may read attributes. Only the frontend may change them.
    RocksNode,
}

impl Grammar {
    /// The text with its commands in this grammar.
    pub fn spell(self, text: &str) -> String {
        if self == Self::Gpupci {
            return text.to_owned();
        }
        let mut parts = text.split(START);
        let mut spelled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let is_first =
                |(verb, _): &&(&str, bool)| part.split(is_no_letter).next() == Some(*verb);
            match VERBS.iter().find(is_first) {
                None => spelled += &[START, part].concat(),
                Some((verb, changes)) => {
                    let on_frontend = *changes && self == Self::RocksNode;
                    add(&mut spelled, verb, &part[verb.len()..], on_frontend);
                }
            }
        }
        spelled
    }
}

/// Adds `rocks VERB host gpu` and the `rest`; in backticks the frontend is named behind them.
fn add(spelled: &mut String, verb: &str, rest: &str, on_frontend: bool) {
    let quoted = rest.split_once('`').filter(|_| spelled.ends_with('`'));
    match quoted.filter(|_| on_frontend) {
        Some((words, rest)) => {
            *spelled += &[
                "rocks ",
                verb,
                " host gpu",
                words,
                "` on the frontend",
                rest,
            ]
            .concat();
        }
        None => {
            let place = if on_frontend {
                "on the frontend, run: "
            } else {
                ""
            };
            *spelled += &[place, "rocks ", verb, " host gpu", rest].concat();
        }
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
                "compare `rocks list host gpu` with `gpupci list` on that host",
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
                "`on the frontend, run: rocks set host gpu",
            ),
        ] {
            assert_eq!(Grammar::Gpupci.spell(text), text);
            assert_eq!(Grammar::Rocks.spell(text), rocks);
            assert_eq!(Grammar::RocksNode.spell(text), node);
        }
    }
}
