//! Lists in sentences. Whoever writes a sentence about processes, functions or files may find thousands of
//! them: only a handful is named, and the others are counted.

use std::fmt::Display;

/// How many parts of a list are named.
pub const NAMED_MAX: usize = 5;

/// `a, b and c`; with too many parts `a, b, c, d, e and 2,994 more`.
pub fn listed(parts: &[impl Display]) -> String {
    match named(parts).split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// The same for a cell of a table: `a, b, c`.
pub fn in_a_cell(parts: &[impl Display]) -> String {
    match parts.len() {
        0..=NAMED_MAX => named(parts).join(", "),
        _ => listed(parts),
    }
}

/// The parts that are named, and how many are not.
fn named(parts: &[impl Display]) -> Vec<String> {
    let mut named: Vec<String> = parts
        .iter()
        .take(NAMED_MAX)
        .map(ToString::to_string)
        .collect();
    if parts.len() > NAMED_MAX {
        named.push(format!("{} more", thousands(parts.len() - NAMED_MAX)));
    }
    named
}

/// A number with its thousands apart: `2,994`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn list_names_a_handful_and_counts_the_others() {
        assert_eq!(listed(&[""; 0]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(in_a_cell(&["a", "b", "c"]), "a, b, c");
        let all: Vec<u32> = (1..=3000).collect();
        assert_eq!(listed(&all), "1, 2, 3, 4, 5 and 2,995 more");
        assert_eq!(in_a_cell(&all), listed(&all));
        assert_eq!(listed(&all[..6]), "1, 2, 3, 4, 5 and 1 more");
    }

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }
}
