//! The examples in the documents are what the programs print.
//!
//! A block of commands below `<!-- run on HOST -->` is run on a host of the fixtures. `…` stands for lines that
//! are left out. `GPUPT_REGENERATE=1` writes what is printed into the documents; look at the difference then.
#![allow(
    clippy::disallowed_methods,
    clippy::allow_attributes,
    clippy::expect_used,
    clippy::panic,
    reason = "tests touch the machine, and may fail"
)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use pretty_assertions::assert_eq;
use support::kernel::FakeKernel;
use support::{TestHost, run};

const DOCUMENTS: [&str; 6] = [
    "README.md",
    "docs/cards.md",
    "docs/gpupci.md",
    "docs/libvirt-hook.md",
    "docs/preparing-a-host.md",
    "docs/troubleshooting.md",
];
const HOOK: &str = env!("CARGO_BIN_EXE_qemu");
const GUEST: &str = "<domain type='kvm'>
  <name>rocks-33</name>
  <uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source>
        <address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
      </source>
    </hostdev>
  </devices>
</domain>
";
const PRODUCTS: &str = "\
10de  NVIDIA Corporation
\t06de  GF100GL [Tesla T20 Processor]
\t0be5  GF100 High Definition Audio Controller
";

/// A host on which commands are run, and its kernel.
struct ExampleHost {
    host: TestHost,
    _kernel: FakeKernel,
}

impl ExampleHost {
    fn named(name: &str) -> Self {
        match name {
            "two-cards" => Self::of("manual.tree"),
            "two-cards-hook" => Self::of("manual.tree").after("hook install"),
            "two-cards-used" => Self::of("manual.tree").after("detach gpupci2").used(),
            "shared-group" => Self::of("b550-shared-group.tree"),
            _ => panic!("there is no host {name}"),
        }
    }

    /// A host with libvirt, a guest and the hook's program.
    fn of(tree: &str) -> Self {
        let host = TestHost::unpacked(tree);
        let kernel = FakeKernel::on(&host);
        host.write("usr/share/misc/pci.ids", PRODUCTS);
        host.write("usr/lib64/libvirt.so.0.9000.0", "");
        host.write("etc/libvirt/qemu/rocks-33.xml", GUEST);
        host.write("usr/lib/gpupt/qemu-hook", "");
        fs::copy(HOOK, host.path("usr/lib/gpupt/qemu-hook")).expect("the hook is copied");
        host.write("usr/bin/gpupci", "");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(host.path("usr/bin/gpupci"), mode).expect("the mode is set");
        Self {
            host,
            _kernel: kernel,
        }
    }

    /// The host after `gpupci LINE`.
    fn after(self, line: &str) -> Self {
        self.host.line(line).answer();
        self
    }

    /// The host with an X server on its first card.
    fn used(self) -> Self {
        self.host.write("proc/812/comm", "Xorg\n");
        self.host.write("proc/812/cmdline", "/usr/lib/xorg/Xorg\0");
        self.host.write("proc/812/maps", "");
        fs::create_dir_all(self.host.path("proc/812/fd")).expect("a folder");
        symlink("/dev/nvidiactl", self.host.path("proc/812/fd/9")).expect("a link");
        self
    }

    /// The lines that a command prints. libvirt's part in a start and an end is to run the hook.
    fn printed(&self, command: &str) -> Vec<String> {
        let said = match command.split_once(' ').expect("a program and words") {
            ("gpupci", words) => self.host.line(words),
            ("virsh", "start rocks-33") => self.hook("prepare"),
            ("virsh", "shutdown rocks-33") => self.hook("release"),
            _ => panic!("{command} cannot be run in a test"),
        };
        let text = said.text() + &said.stderr;
        let root = self.host.root.path().display().to_string();
        text.replace(&root, "").lines().map(str::to_owned).collect()
    }

    fn hook(&self, operation: &str) -> support::RunOutput {
        let mut hook = Command::new(HOOK);
        hook.args(["rocks-33", operation, "-", "-"])
            .env("GPUPT_ROOT", self.host.root.path());
        run(&mut hook, GUEST.as_bytes())
    }
}

/// The text of a document, each block that is to be run with what the programs print.
fn with_printed(text: &str) -> String {
    let mut lines = text.lines();
    let mut written = Vec::new();
    while let Some(line) = lines.next() {
        written.push(line.to_owned());
        let name = line.trim().strip_prefix("<!-- run on ");
        if let Some(name) = name.and_then(|rest| rest.strip_suffix(" -->")) {
            let block = lines
                .by_ref()
                .skip(1)
                .take_while(|line| line.trim() != "```");
            let block: Vec<&str> = block.collect();
            let indent = &line[..line.len() - line.trim_start().len()];
            written.push(format!("{indent}```console"));
            written.extend(run_block(&ExampleHost::named(name), &block, indent));
            written.push(format!("{indent}```"));
        }
    }
    written.join("\n") + "\n"
}

/// A block with what its commands print on this host.
fn run_block(example: &ExampleHost, block: &[&str], indent: &str) -> Vec<String> {
    let is_command = |line: &str| line.trim_start().starts_with("# ");
    let mut written = Vec::new();
    for (index, line) in block.iter().enumerate().filter(|(_, l)| is_command(l)) {
        written.push((*line).to_owned());
        let shown = block[index + 1..]
            .iter()
            .take_while(|line| !is_command(line));
        let shown: Vec<&str> = shown
            .map(|line| line.strip_prefix(indent).unwrap_or(line))
            .collect();
        let printed = example.printed(command_of(line));
        let printed = match is_shortened_to(&shown, &printed) {
            true => shown.iter().map(|line| (*line).to_owned()).collect(),
            false => printed,
        };
        written.extend(printed.iter().map(|line| format!("{indent}{line}")));
    }
    written
}

/// A command without its prompt and without the remark that two blanks separate from it.
fn command_of(line: &str) -> &str {
    let command = line.trim_start().trim_start_matches("# ");
    command.split("  ").next().unwrap_or(command)
}

/// Whether `shown` are the lines of `printed`, with `…` where some are left out.
fn is_shortened_to(shown: &[&str], printed: &[String]) -> bool {
    match shown {
        [] => printed.is_empty(),
        ["…", rest @ ..] => (0..=printed.len()).any(|n| is_shortened_to(rest, &printed[n..])),
        [line, rest @ ..] => {
            let is_next = printed.first().is_some_and(|next| next == line);
            is_next && is_shortened_to(rest, &printed[1..])
        }
    }
}

#[test]
fn examples_show_what_the_programs_print() {
    let regenerate = std::env::var_os("GPUPT_REGENERATE").is_some_and(|value| value == "1");
    for document in DOCUMENTS {
        let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
        let text = fs::read_to_string(&path).expect("a document");
        assert!(text.contains("<!-- run on "), "{document} runs nothing");
        let printed = with_printed(&text);
        match regenerate {
            true => fs::write(&path, &printed).expect("the document is written"),
            false => assert_eq!(text, printed, "{document}"),
        }
    }
}

#[test]
fn lines_are_left_out_only_where_an_ellipsis_says_so() {
    let printed = ["a", "b", "c", "d"].map(str::to_owned);
    assert!(is_shortened_to(&["a", "b", "c", "d"], &printed));
    assert!(is_shortened_to(&["…", "b", "…"], &printed));
    assert!(is_shortened_to(&["a", "…"], &printed));
    for other in [
        &["a", "b", "c"][..],
        &["b", "…"],
        &["…", "c", "b", "…"],
        &["…", "e"],
    ] {
        assert!(!is_shortened_to(other, &printed), "{other:?}");
    }
}
