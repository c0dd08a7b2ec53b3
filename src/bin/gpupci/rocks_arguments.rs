//! The arguments of Rocks' commands: hosts, then the values not given as `name=value`, and parameters.

use std::collections::BTreeMap;

use gpupt::error::Error;

/// Plain arguments and parameters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RocksArguments {
    plain: Vec<String>,
    parameters: BTreeMap<String, String>,
}

/// The hosts and the values of a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target<const N: usize> {
    /// The arguments that name hosts.
    pub(crate) hosts: Vec<String>,
    /// The values, in the order in which they were asked for.
    pub(crate) arguments: [String; N],
}

impl RocksArguments {
    /// Separates `name=value` from plain arguments. If a parameter is given twice, the last one wins.
    ///
    /// # Errors
    /// If a parameter is not one of `known`.
    pub(crate) fn new(words: &[String], known: &[&str]) -> Result<Self, Error> {
        let mut plain = Vec::new();
        let mut parameters = BTreeMap::new();
        for word in words {
            match word.split_once('=').filter(|(name, _)| is_parameter(name)) {
                None => plain.push(word.clone()),
                Some((name, value)) if known.contains(&name) => {
                    parameters.insert(name.to_owned(), value.to_owned());
                }
                Some((name, _)) => {
                    let known = known.join(", ");
                    return Err(Error::Usage(format!(
                        "unknown parameter {name:?}; known parameters: {known}"
                    )));
                }
            }
        }
        Ok(Self { plain, parameters })
    }

    /// A parameter; `None` if it is empty or not given.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A parameter as Rocks reads a boolean; `None` if it is not given.
    pub(crate) fn is_true(&self, name: &str) -> Option<bool> {
        let value = self.parameters.get(name)?.to_ascii_lowercase();
        Some(matches!(value.as_str(), "on" | "yes" | "y" | "true" | "1"))
    }

    /// All plain arguments, as hosts.
    pub(crate) fn hosts(&self) -> &[String] {
        &self.plain
    }

    /// Takes the values that no parameter gives from the end of the plain arguments; the rest are hosts.
    ///
    /// # Errors
    /// If there are too few arguments.
    pub(crate) fn target<const N: usize>(self, names: [&str; N]) -> Result<Target<N>, Error> {
        let Self { plain, parameters } = &self;
        let mut hosts = plain.clone();
        let mut arguments = [const { String::new() }; N];
        for (argument, name) in arguments.iter_mut().zip(names).rev() {
            let given = parameters
                .get(name)
                .filter(|value| !value.is_empty())
                .cloned();
            match given.or_else(|| hosts.pop()) {
                Some(value) => *argument = value,
                None => return Err(self.too_few(&names)),
            }
        }
        // No host means all hosts, which may be just one; but not if its argument was taken as a value.
        if hosts.is_empty() && !plain.is_empty() {
            return Err(self.too_few(&names));
        }
        Ok(Target { hosts, arguments })
    }

    fn too_few(&self, names: &[&str]) -> Error {
        let given: Vec<String> = self.plain.iter().map(|word| format!("{word:?}")).collect();
        let given = if given.is_empty() {
            "nothing".to_owned()
        } else {
            given.join(" ")
        };
        let missing = names.iter().filter(|name| self.parameter(name).is_none());
        let missing: String = missing
            .map(|name| format!(" {}", name.to_uppercase()))
            .collect();
        // The start of the sentence is the original's.
        Error::Usage(format!(
            "must supply one host: expected HOST{missing}, got {given}"
        ))
    }
}

/// Whether Rocks accepts this as the name of a parameter.
fn is_parameter(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"[\\]^_`-+".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn words(text: &str) -> Result<RocksArguments, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        RocksArguments::new(&words, &["gpu", "value", "pydict"]).map_err(|error| error.to_string())
    }

    fn target(text: &str) -> Result<(String, [String; 2]), String> {
        let target = words(text)?
            .target(["gpu", "value"])
            .map_err(|error| error.to_string())?;
        Ok((target.hosts.join(" "), target.arguments))
    }

    #[test]
    fn plain_arguments_fill_the_missing_parameters_from_the_end() {
        let expected = Ok(("h".to_owned(), ["g".to_owned(), "v".to_owned()]));
        for text in [
            "h g v",
            "h gpu=g value=v",
            "gpu=x h v gpu=g",
            "h g value=v",
            "h g v gpu=",
        ] {
            assert_eq!(target(text), expected, "{text}");
        }
        assert_eq!(
            target("a b g v").map(|(hosts, _)| hosts),
            Ok("a b".to_owned())
        );
    }

    #[test]
    fn missing_arguments_are_named() {
        assert_eq!(
            target("h"),
            Err("must supply one host: expected HOST GPU VALUE, got \"h\"".to_owned())
        );
        assert_eq!(
            target("h g"),
            Err("must supply one host: expected HOST GPU VALUE, got \"h\" \"g\"".to_owned())
        );
        assert_eq!(
            target("gpu=g value=v").map(|(hosts, _)| hosts),
            Ok(String::new())
        );
        assert_eq!(
            target("gpu=g"),
            Err("must supply one host: expected HOST VALUE, got nothing".to_owned())
        );
    }

    #[test]
    fn an_unknown_parameter_is_refused() {
        assert_eq!(
            words("h colour=red").map(|_| ()),
            Err("unknown parameter \"colour\"; known parameters: gpu, value, pydict".to_owned())
        );
        assert_eq!(words("=red é=x").map(|w| w.plain.len()), Ok(2));
    }

    #[test]
    fn boolean_parameters_are_read_as_rocks_reads_them() {
        for (text, truth) in [
            ("pydict=YES", Some(true)),
            ("pydict=t", Some(false)),
            ("x", None),
        ] {
            assert_eq!(
                words(text).map(|w| w.is_true("pydict")),
                Ok(truth),
                "{text}"
            );
        }
    }
}
