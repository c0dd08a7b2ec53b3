//! What the hook is made of: every guest's start loads it.

use std::fs;

use memchr::memmem;

use crate::{GPUPCI, HOOK};

#[test]
fn no_database_and_no_command_line_is_in_it() {
    let [hook, gpupci] = [HOOK, GPUPCI].map(|path| fs::read(path).expect("a program"));
    for trace in [
        "SQLite format 3",
        "INSERT INTO attributes",
        "FROM categories",
        "For more information, try",
    ] {
        let is_in = |program: &[u8]| memmem::find(program, trace.as_bytes()).is_some();
        assert!(is_in(&gpupci), "{trace:?} would tell");
        assert!(!is_in(&hook), "{trace:?} is in the hook");
    }
}
