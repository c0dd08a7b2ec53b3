//! The codes of failures: the library, the table of docs/troubleshooting.md and the tests have the
//! same ones.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "tests touch the machine, and may fail"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gpupt::failure::Code;
use pretty_assertions::assert_eq;

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(path).expect("a file of the repository")
}

/// The rows of the table: code, exit code, meaning, what to do.
fn rows() -> Vec<[String; 4]> {
    let manual = text("docs/troubleshooting.md");
    let (_, section) = manual.split_once("\n## Codes\n").expect("a section");
    let (section, _) = section.split_once("\n## ").unwrap_or((section, ""));
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let cells = |row: &str| -> [String; 4] {
        let cells: Vec<String> = row.split(" | ").map(str::to_owned).collect();
        let [code, exit, meaning, remedy] = cells.try_into().expect("four cells");
        let code = code.trim_matches(['|', ' ', '`']).to_owned();
        [
            code,
            exit,
            meaning,
            remedy.trim_end_matches(" |").to_owned(),
        ]
    };
    rows.map(cells).collect()
}

#[test]
fn documentation_has_every_code_with_its_exit_code_and_no_other() {
    let documented: Vec<(String, String)> = rows()
        .into_iter()
        .map(|[code, exit, ..]| (code, exit))
        .collect();
    let own = Code::ALL.iter();
    let own: Vec<(String, String)> = own
        .map(|code| (code.to_string(), code.exit().code().to_string()))
        .collect();
    assert_eq!(documented, own);
    for [code, _, meaning, remedy] in rows() {
        assert!(!meaning.is_empty() && !remedy.is_empty(), "{code}");
    }
}

/// Whether a program prints the code, in JSON or in the journal. The others belong to failures of a
/// whole command, which end the program with their exit code.
fn is_printed(code: Code) -> bool {
    use Code::*;
    match code {
        NoIommuGroup
        | Group
        | ReservedRegion
        | NoStubDriver
        | NoDriverOverride
        | Busy
        | UnknownUsers
        | Console
        | NeededByHost
        | VirtualFunctions
        | MediatedDevice
        | Held
        | Driverctl
        | Poisoned
        | CardChanged
        | AssignedElsewhere
        | Input
        | FunctionGone
        | ClaimedInParts
        | ManagedVirtualFunction
        | SwitchOnHost
        | NoDevice
        | WriteFailed
        | NotUndone
        | WriteHung
        | Sysfs
        | CardNames
        | CardRecord
        | NotRecorded
        | Locked
        | LockFile
        | Settings => true,
        NotRoot | UnknownCard | UnknownGuest | UnknownHost | NotInCluster | HostName | Usage
        | DatabaseUrl | DatabaseConnection | DatabaseLogin | DatabasePermission
        | DatabaseAnswer | DatabaseTimeout | DatabaseUnconfirmed | SelectStatement
        | ManagedByRocks | AttributeName | AttributeValue | AttributeExists | GuestAttribute
        | HostAttribute | NoSuchAttribute | NoHost | XmlTooLarge | XmlNotUtf8 | XmlDoctype
        | XmlNotWellFormed | XmlNotADomain | NoLibvirt | HookObstacle | HookProgram
        | HookNotRead | HookNotWritten | HookNotUndone => false,
    }
}

#[test]
fn a_test_of_a_program_provokes_every_printed_code() {
    let files = ["handover/codes", "hook/codes", "why/qemu_log"];
    let sources: String = files.map(|file| text(&format!("tests/{file}.rs"))).concat();
    let quoted = sources.split('"').skip(1).step_by(2);
    let expected: BTreeSet<&str> = quoted.flat_map(|text| text.split(' ')).collect();
    let printed = Code::ALL.iter().filter(|code| is_printed(**code));
    let missing: Vec<&Code> = printed
        .filter(|code| !expected.contains(code.word()))
        .collect();
    assert_eq!(missing, [] as [&Code; 0]);
}
