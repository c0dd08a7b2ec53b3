//! The tools that remedies name, each with the document that says so.

use std::fs;
use std::path::Path;

use gpupt::readiness::boot_loader::{Change, LOADERS, Row};
use gpupt::readiness::{
    Boot, BootFacts, ConfigFile, ImageSystem, Initramfs, KernelCmdline, Programs, TOOLS,
};

use crate::{escaped, sentences, table};

const BOOT_LOADERS: [&str; 5] = [
    "boot loader",
    "known by",
    "kernel command line",
    "change",
    "source",
];
const INITRAMFS: [&str; 3] = ["known by", "remedy", "source"];

/// A row for each tool, then for what a host without a known tool, or with several, is told.
fn initramfs() -> Vec<[String; 3]> {
    let remedy = |programs: &[&str]| {
        let programs = Programs::of(programs.iter().copied());
        escaped(&Initramfs::of(None, &programs).rebuild())
    };
    let image = |(system, mark): (ImageSystem, &str)| {
        let remedy = Initramfs::of(Some(system), &Programs::default()).rebuild();
        [
            mark.to_owned(),
            escaped(&remedy),
            system.rebuild().1.to_owned(),
        ]
    };
    let mut rows: Vec<[String; 3]> = ImageSystem::ALL.into_iter().map(image).collect();
    rows.extend(TOOLS.map(|tool| {
        let program = tool.program;
        [
            format!("`{program}`"),
            remedy(&[program]),
            tool.source.to_owned(),
        ]
    }));
    let none = "none of these";
    rows.push([none.to_owned(), remedy(&[]), String::new()]);
    let several = "several of them";
    rows.push([
        several.to_owned(),
        remedy(&["mkinitcpio", "dracut"]),
        String::new(),
    ]);
    rows
}

fn boot_loaders() -> Vec<[String; 5]> {
    let row =
        |row: &Row| [row.name, row.known_by, row.files, &change(row), row.source].map(escaped);
    LOADERS.iter().map(row).collect()
}

fn change(row: &Row) -> String {
    match row.change {
        Change::Command(add, remove) => {
            let command = |one: &str| format!("`{}`", one.replace("{}", "A=B"));
            format!("{}, {}", command(add), command(remove))
        }
        Change::Edit(what) => {
            let place = format!("edit {what} it").replace("  ", " ");
            match row.apply {
                "" => place,
                several if several.contains(", ") => {
                    format!("{place}, then the first of these that is installed: {several}")
                }
                apply => format!("{place}, then {apply}"),
            }
        }
    }
}

/// What check says of the kernel command line of each boot loader, on a host with few files.
fn remedies() -> Vec<String> {
    let file = |path: &str, text: &str| ConfigFile {
        path: path.to_owned(),
        text: Ok(text.to_owned()),
    };
    let boot = |image, files: Vec<ConfigFile>| {
        Boot::of(BootFacts {
            image,
            running: KernelCmdline::new("BOOT_IMAGE=/vmlinuz a=b"),
            files: files.into(),
            ..BootFacts::default()
        })
    };
    let entry = |options: &str| {
        let text = format!("linux /vmlinuz\noptions {options}\n");
        vec![file("/boot/loader/entries/ostree-1.conf", &text)]
    };
    let grub = |text| {
        vec![
            file("/etc/default/grub", text),
            file("/boot/grub/grub.cfg", ""),
        ]
    };
    let ostree = Some(ImageSystem::RpmOstree);
    let transaction = Some(ImageSystem::TransactionalUpdate);
    let unified = Boot::of(BootFacts {
        is_unified: true,
        ..BootFacts::default()
    });
    let installed = |release: &str, programs| {
        Boot::of(BootFacts {
            running: KernelCmdline::new(&format!("initrd=\\0123\\{release}\\initrd")),
            release: release.to_owned(),
            kernel_image: Some(format!("/lib/modules/{release}/vmlinuz")),
            loader_info: Some("systemd-boot 255".to_owned()),
            programs,
            files: vec![file("/etc/kernel/cmdline", "ro")].into(),
            ..BootFacts::default()
        })
    };
    let limine = Boot::of(BootFacts {
        loader_info: Some("Limine 9.2".to_owned()),
        programs: Programs::of(["limine-update"]),
        ..BootFacts::default()
    });
    let without_generator = Boot::of(BootFacts {
        programs: Programs::of(["bash"]),
        running: KernelCmdline::new("BOOT_IMAGE=/vmlinuz a=b"),
        files: grub("GRUB_CMDLINE_LINUX=\"\"").into(),
        ..BootFacts::default()
    });
    let mut proxmox = grub("GRUB_CMDLINE_LINUX=\"\"");
    proxmox.push(file("/etc/kernel/proxmox-boot-uuids", "A-B"));
    vec![
        Boot::default().with("a=b"),
        Boot::default().without("a=b"),
        boot(None, grub("GRUB_CMDLINE_LINUX=\"\"")).with("a=b"),
        boot(transaction, grub("GRUB_CMDLINE_LINUX=\"a=b\"")).without("a=b"),
        boot(transaction, grub("GRUB_CMDLINE_LINUX=\"\"")).without("a=b"),
        boot(ostree, entry("a=b")).with("a=b"),
        boot(ostree, entry("ro")).with("a=b"),
        boot(ostree, entry("ro")).without("a=b"),
        boot(ostree, entry("a=$b,c")).without("a=c"),
        boot(transaction, grub("GRUB_CMDLINE_LINUX=\"a=b,c\"")).without("a=c"),
        boot(Some(ImageSystem::NixOs), Vec::new()).with("a=b"),
        boot(Some(ImageSystem::Bootc), Vec::new()).with("a=b"),
        unified.with("a=b"),
        installed("6.1.0", Programs::of(["bash"])).with("a=b"),
        installed("6.1.0", Programs::default()).with("a=b"),
        installed("6.1/0", Programs::default()).with("a=b"),
        limine.with("a=b"),
        without_generator.with("a=b"),
        boot(None, proxmox).with("a=b"),
    ]
}

pub fn sections() -> String {
    table("Boot loaders", BOOT_LOADERS, &boot_loaders())
        + &sentences("Changes of the kernel command line", &remedies())
        + &table("Tools that build the initramfs", INITRAMFS, &initramfs())
}

/// Asserts that docs/preparing-a-host.md has this table behind the comment `<!-- NAME -->`.
fn assert_document_has(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/preparing-a-host.md");
    let document = fs::read_to_string(&path).expect("docs/preparing-a-host.md");
    let mark = format!("<!-- {name} -->\n");
    let (before, rest) = document.split_once(&mark).expect("the comment");
    let table = table.trim_start_matches(['#', ' ', '\n']);
    let (_, after) = rest.split_once("\n\n").expect("text behind the table");
    let expected = format!("{before}{mark}{table}\n{after}");
    if std::env::var_os("GPUPT_REGENERATE").is_some_and(|value| value == "1") {
        fs::write(&path, &expected).expect("docs can be written");
    }
    let written = fs::read_to_string(&path).expect("docs/preparing-a-host.md");
    assert!(
        written == expected,
        "docs/preparing-a-host.md is old: run GPUPT_REGENERATE=1 cargo test --test messages"
    );
}

#[test]
fn preparing_a_host_has_the_table_of_initramfs_tools() {
    assert_document_has("initramfs tools", &table("", INITRAMFS, &initramfs()));
}

#[test]
fn preparing_a_host_has_the_table_of_boot_loaders() {
    assert_document_has("boot loaders", &table("", BOOT_LOADERS, &boot_loaders()));
}
