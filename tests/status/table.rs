//! The table of `-v`.

use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::DEVICES;
use crate::support::TestHost;

const IDS: &str = "# What products are called.\n\
    10de  NVIDIA Corporation\n\
    \t06de  GF100GL [Tesla T20 Processor]\n\
    \t\t10de 082f  Not this, it is a board\n\
    \t1bb3  GP104GL [Tesla P4]\n\
    1002  Advanced Micro Devices, Inc. [AMD/ATI]\n\
    \t06de  Nor this, it is another vendor's\n\
    \t73bf  Navi 21 [Radeon RX 6800/6800 XT / 6900 XT]\n";

/// `manual.tree` with model names, and with processes that use both cards.
pub(crate) fn busy() -> TestHost {
    let host = TestHost::unpacked("manual.tree");
    host.write("usr/share/misc/pci.ids", IDS);
    host.node("0000:02:00.0", "drm", "card1", "226:1");
    host.node("0000:02:00.0", "drm", "renderD128", "226:128");
    host.node("0000:02:00.1", "sound", "controlC1", "116:5");
    host.bind("0000:03:00.0", "vfio-pci");
    host.bind("0000:03:00.1", "vfio-pci");
    host.write("dev/vfio/9", "");
    host.process(
        1200,
        "Xorg",
        "/usr/lib/xorg/Xorg\0:0\0",
        &["/dev/null", "/dev/dri/card1", "socket:[4711]"],
    );
    host.process(
        88,
        "wireplumber",
        "/usr/bin/wireplumber\0",
        &["/dev/snd/controlC1"],
    );
    host.process(99, "idle", "/bin/idle\0", &["/dev/dri/card7", "/dev/null"]);
    host.process(
        4242,
        "qemu-kvm",
        "/usr/libexec/qemu-kvm\0-name\0guest=rocks-33,debug-threads=on\0-S\0",
        &["/dev/vfio/vfio", "/dev/vfio/9"],
    );
    host
}

#[test]
fn table_has_every_property() {
    let host = busy();
    let table = "\
NAME     ADDRESS       KIND   MODEL                          DRIVER         GROUP  NUMA  USED BY
gpupci1  0000:02:00.0  video  GF100GL [Tesla T20 Processor]  nvidia         8      0     wireplumber (88), Xorg (1200)
         0000:02:00.1  audio                                 snd_hda_intel  8
gpupci2  0000:03:00.0  video  GF100GL [Tesla T20 Processor]  vfio-pci       9      0     guest rocks-33
         0000:03:00.1  audio                                 vfio-pci       9
";
    for line in [
        "list -v",
        "-v -l",
        "status -v",
        "-v -s all",
        "status -v all",
    ] {
        assert_eq!(host.line(line).answer(), table, "{line}");
    }
    let second: String = table
        .lines()
        .enumerate()
        .filter(|(number, _)| [0, 3, 4].contains(number))
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    // A column is as wide as its widest cell.
    let second = second.replace("DRIVER         ", "DRIVER    ");
    let second = second.replace("vfio-pci       ", "vfio-pci  ");
    assert_eq!(host.line("status -v gpupci2").answer(), second);
    let said = host.line("status -v gpupci9");
    assert_eq!(said.code, Some(3));
    assert_eq!(said.stderr, "GPU card gpupci9 not found\n");
}

#[test]
fn unknown_properties_are_dashes() {
    let host = TestHost::unpacked("mixed.tree");
    host.write("usr/share/hwdata/pci.ids", IDS);
    host.unbind("0000:03:00.1");
    let link = host.path(&format!("{DEVICES}/0000:05:00.0/iommu_group"));
    std::fs::remove_file(link).expect("it has a group");
    let table = "\
NAME     ADDRESS       KIND     MODEL                                       DRIVER    GROUP  NUMA  USED BY
gpupci1  0000:03:00.0  video    Navi 21 [Radeon RX 6800/6800 XT / 6900 XT]  amdgpu    1      -     -
         0000:03:00.1  audio                                                -         1
gpupci2  0000:04:00.0  video    GP104GL [Tesla P4]                          nvidia    1      -     -
gpupci3  0000:05:00.0  video    -                                           nvidia    -      -     -
         0000:05:00.4  virtual  of 0000:05:00.0                             vfio-pci
         0000:05:00.5  virtual  of 0000:05:00.0                             -
";
    assert_eq!(host.line("-q list -v --vendor 1002").answer(), table);
    let none = "NAME  ADDRESS  KIND  MODEL  DRIVER  GROUP  NUMA  USED BY\n";
    assert_eq!(
        TestHost::unpacked("no-cards.tree")
            .line("-q list -v")
            .answer(),
        none
    );
}

#[test]
fn shared_node_is_attributed_to_the_card_whose_own_node_is_open() {
    let host = TestHost::unpacked("manual.tree");
    for (function, minor) in [("0000:02:00.0", 0), ("0000:03:00.0", 1)] {
        host.write(
            &format!("proc/driver/nvidia/gpus/{function}/information"),
            &format!("Model: \t\t Tesla\nDevice Minor: \t {minor}\n"),
        );
    }
    host.process(
        10,
        "python",
        "python\0",
        &["/dev/nvidiactl", "/dev/nvidia1"],
    );
    host.process(11, "nvidia-persiste", "p\0", &["/dev/nvidiactl"]);
    // The descriptor was closed, but the mapping was not.
    host.process(12, "mapper", "m\0", &[]);
    host.write(
        "proc/12/maps",
        "7f0000000000-7f0000001000 rw-s 00000000 00:05 402  /dev/nvidia0\n",
    );
    let text = host.line("list --json").answer();
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let users = |card: usize| -> Vec<String> {
        let users = told["cards"][card]["users"].as_array().expect("a list");
        let text = |user: &Value, key: &str| user[key].as_str().expect("text").to_owned();
        users
            .iter()
            .map(|user| {
                assert!(user["guest"].is_null());
                format!(
                    "{} {} {}",
                    user["pid"],
                    text(user, "command"),
                    text(user, "node")
                )
            })
            .collect()
    };
    assert_eq!(
        users(0),
        [
            "11 nvidia-persiste /dev/nvidiactl",
            "12 mapper /dev/nvidia0"
        ]
    );
    assert_eq!(
        users(1),
        [
            "10 python /dev/nvidia1",
            "11 nvidia-persiste /dev/nvidiactl"
        ]
    );
}

#[test]
fn guest_name_is_read_from_the_qemu_command_line() {
    for (line, name) in [
        (
            "/usr/bin/qemu-system-x86_64\0-name\0guest=a,,b,x=y\0",
            "guest a,b",
        ),
        ("/usr/libexec/qemu-kvm\0-name\0rocks-33\0", "guest rocks-33"),
        ("/usr/libexec/qemu-kvm\0-S\0", "qemu (7)"),
        ("/usr/bin/python3\0-name\0guest=rocks-33\0", "qemu (7)"),
        ("", "qemu (7)"),
    ] {
        let host = TestHost::unpacked("old-kernel.tree");
        host.node("0000:05:00.0", "drm", "card1", "226:1");
        host.process(7, "qemu", line, &["/dev/dri/card1"]);
        let table = host.line("status -v gpupci2").answer();
        let last = table.lines().next_back().expect("a line");
        assert!(last.ends_with(&format!("  {name}")), "{last}");
    }
}

/// A process that cannot be inspected may use any card.
#[test]
fn users_that_cannot_be_seen_are_a_question_mark() {
    let host = TestHost::unpacked("manual.tree");
    host.process(7, "here", "here\0", &[]);
    symlink("/proc/7/self", host.path("proc/8")).expect("the link is made");
    assert!(
        host.line("list -v")
            .answer()
            .lines()
            .all(|l| !l.ends_with('?'))
    );
    host.write("proc/9/fd", "no folder\n");
    let table = host.line("list -v").answer();
    let first = table.lines().nth(1).expect("a line");
    assert!(first.ends_with("  8      0     ?"), "{table}");
    let told: Value = serde_json::from_str(&host.line("-l --json").answer()).expect("JSON");
    assert!(told["cards"][0]["users"].is_null());
}

#[test]
fn names_from_outside_are_escaped_on_one_line() {
    let host = busy();
    host.write(
        "usr/share/misc/pci.ids",
        "10de  NVIDIA\n\t06de  Tesla \u{1b}[31m\tred\r\u{9b}0m\n",
    );
    host.write("proc/88/comm", "\u{1b}]0;owned\u{7}\nmore\n");
    host.write(
        "proc/4242/cmdline",
        "qemu\0-name\0guest=ro\ncks\u{1b}[2J,x\0",
    );
    let table = host.line("list -v").answer();
    assert_eq!(table.lines().count(), 5);
    assert!(!table.contains(|c: char| c.is_control() && c != '\n'));
    for shown in [
        "  Tesla \\u{1b}[31m\\tred\\r\\u{9b}0m  ",
        "\\u{1b}]0;owned\\u{7}\\nmore (88), Xorg (1200)\n",
        "guest ro\\ncks\\u{1b}[2J\n",
    ] {
        assert!(table.contains(shown), "{shown}: {table}");
    }
}

#[test]
fn bidirectional_controls_are_escaped() {
    let host = busy();
    host.write("proc/88/comm", "\u{202e}gpupci\n");
    let table = host.line("list -v").answer();
    assert!(table.contains("\\u{202e}gpupci (88)"), "{table}");
}
