//! The built library, called by a C program: good and bad arguments, threads, panics, memory.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests touch the machine"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pretty_assertions::assert_eq;
use support::{command, library, manual, output, panicking_library, repository};
use tempfile::TempDir;

/// The C program, compiled with the header; every warning is an error.
fn host(folder: &TempDir) -> PathBuf {
    let program = folder.path().join("host");
    let plugin = repository().join("plugin");
    let mut compile = Command::new("cc");
    compile.args([
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-g",
        "-D_GNU_SOURCE",
        "-I",
    ]);
    compile.arg(plugin.join("include")).arg("-o").arg(&program);
    output(
        compile
            .arg(plugin.join("tests/host.c"))
            .args(["-ldl", "-lpthread"]),
    );
    program
}

fn run(mode: &str, library: &Path) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = manual();
    output(command(&host(&folder), root.path()).arg(library).arg(mode));
}

#[test]
fn functions_answer_every_argument_as_the_header_says() {
    run("once", &library());
}

#[test]
fn eight_threads_may_call_concurrently() {
    run("threads", &library());
}

#[test]
fn panic_is_returned_as_an_error_and_not_printed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut host = Command::new(host(&folder));
    let said = host
        .arg(panicking_library())
        .arg("panics")
        .output()
        .expect("it runs");
    let stderr = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{stderr}");
    assert!(!stderr.contains("on purpose"), "{stderr}");
}

#[test]
fn valgrind_finds_no_leak_and_no_invalid_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = manual();
    let mut valgrind = command(Path::new("valgrind"), root.path());
    valgrind.args([
        "--quiet",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite,indirect",
    ]);
    valgrind
        .args(["--error-exitcode=9"])
        .arg(host(&folder))
        .arg(library())
        .arg("once");
    output(&mut valgrind);
}

#[test]
fn library_exports_only_the_functions_of_the_header() {
    let symbols = output(
        Command::new("nm")
            .args(["-D", "--defined-only"])
            .arg(library()),
    );
    let mut names: Vec<&str> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect();
    names.sort_unstable();
    let six = [
        "gpupt_close",
        "gpupt_free",
        "gpupt_open",
        "gpupt_session_splice",
        "gpupt_splice",
        "gpupt_version",
    ];
    assert_eq!(names, six);
}

/// The functions of `ffi.rs` as C prototypes.
fn rust_prototypes(source: &str) -> Vec<String> {
    let functions = source.split("extern \"C\" fn ").skip(1);
    let prototypes = functions.map(|rest| {
        let (name, rest) = rest.split_once('(').expect("parameters");
        let (parameters, rest) = rest.split_once(')').expect("parameters end");
        let result = rest
            .split('{')
            .next()
            .unwrap_or_default()
            .trim()
            .trim_start_matches("->");
        let parameters: Vec<String> = parameters
            .split(',')
            .filter_map(|parameter| parameter.split_once(':'))
            .map(|(name, kind)| format!("{}{}", c_type(kind.trim()), name.trim()))
            .collect();
        let parameters = match parameters.as_slice() {
            [] => "void".to_owned(),
            some => some.join(","),
        };
        format!("{}{name}({parameters})", c_type(result.trim()))
    });
    prototypes.collect()
}

fn c_type(rust: &str) -> String {
    match rust {
        "" => "void ".to_owned(),
        "c_int" => "int ".to_owned(),
        "c_long" => "long ".to_owned(),
        "usize" => "size_t ".to_owned(),
        "c_char" => "char ".to_owned(),
        pointer => match (
            pointer.strip_prefix("*mut "),
            pointer.strip_prefix("*const "),
        ) {
            (Some(to), _) => format!("{}*", c_type(to)),
            (_, Some(to)) => format!("const {}*", c_type(to)),
            _ => panic!("{rust} has no C type here"),
        },
    }
}

fn c_prototypes(header: &str) -> Vec<String> {
    let code: String = header
        .split("/*")
        .map(|part| part.split("*/").last().unwrap_or(""))
        .collect();
    let statements = code.split(';').map(|statement| {
        let lines = statement
            .lines()
            .filter(|line| !line.starts_with('#') && !line.contains("extern"));
        // A prototype may be broken into lines.
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        words.join(" ").replace(", ", ",")
    });
    statements
        .filter(|statement| statement.contains("gpupt_"))
        .collect()
}

#[test]
fn header_declares_the_functions_of_the_source() {
    let plugin = repository().join("plugin");
    let source = fs::read_to_string(plugin.join("src/ffi.rs")).expect("the source is there");
    let header = fs::read_to_string(plugin.join("include/gpupt.h")).expect("the header is there");
    let ours = rust_prototypes(&source);
    assert_eq!(ours.len(), 6);
    assert_eq!(c_prototypes(&header), ours);
}
