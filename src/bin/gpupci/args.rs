//! What may be typed.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use gpupt::handover::Mode;
use gpupt::pci::VendorId;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or already so            5  this host cannot
  1  failed, all is as before       6  a deadline passed, the card is poisoned
  2  the command makes no sense     7  failed, and not undone
  3  no such card, guest or host    8  what is recorded and the hardware differ
  4  in use                         9  not permitted";

/// GPU cards for libvirt guests: what is here, who owns it, and a guest's domain XML with its cards.
#[derive(Debug, Parser)]
#[command(name = "gpupci", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(flatten)]
    pub(crate) short: Short,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The commands of the original, which may stand together.
#[derive(Args, Debug)]
pub(crate) struct Short {
    /// The short form of `list`.
    #[arg(short, long)]
    pub(crate) list: bool,
    /// The short form of `attach`.
    #[arg(short, long, value_name = "CARD|all")]
    pub(crate) attach: Vec<String>,
    /// The short form of `detach`.
    #[arg(short, long, value_name = "CARD|all")]
    pub(crate) detach: Vec<String>,
    /// The short form of `status`.
    #[arg(short, long, value_name = "CARD|all")]
    pub(crate) status: Vec<String>,
}

impl Short {
    /// Whether none of them was typed.
    pub(crate) fn is_empty(&self) -> bool {
        !self.list && self.attach.is_empty() && self.detach.is_empty() && self.status.is_empty()
    }
}

/// What every command takes.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Take the files of this machine from below DIR. [default: GPUPT_ROOT, or /]
    #[arg(long, value_name = "DIR", global = true)]
    root: Option<PathBuf>,
    /// The database of the cluster: mysql://user@host:3306/cluster,
    /// mysql://user@localhost/cluster?socket=/path or sqlite:/path. A password is better kept in
    /// the environment than on the command line, where everybody can read it.
    /// [default: GPUPT_DATABASE, /etc/gpupt.toml, Rocks' own, or /var/lib/gpupt/cluster.db]
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
    /// Also look for cards of this vendor, as 1002; may be given several times.
    #[arg(long = "vendor", value_name = "ID", global = true)]
    pub(crate) vendors: Vec<VendorId>,
    /// Answer in JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing on standard error but errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Tell more: model, driver, IOMMU group, NUMA node, who uses a card.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// How long one write to the kernel may take; then the card is not touched any more.
    #[arg(long, value_name = "SECONDS", global = true, default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

impl Global {
    /// Where the files of the machine are. A variable that is empty is not set.
    pub(crate) fn root(&self) -> PathBuf {
        let root = self
            .root
            .clone()
            .or_else(|| Some(set("GPUPT_ROOT")?.into()));
        root.unwrap_or_else(|| PathBuf::from("/"))
    }

    /// The database that was named, on the command line or in the environment.
    pub(crate) fn database(&self) -> Option<String> {
        let variable = || set("GPUPT_DATABASE").map(|url| url.to_string_lossy().into_owned());
        self.database.clone().or_else(variable)
    }
}

/// From a tenth of a second to an hour.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    seconds
        .filter(|seconds| (0.1..=3600.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "seconds from 0.1 to 3600 are wanted".to_owned())
}

fn set(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the cards of this host and where they sit.
    List,
    /// Tell which driver each function of a card is on.
    Status(Cards),
    /// Have the host let go of cards, so that guests may have them.
    Detach(ChangedCards),
    /// Give cards back to the host.
    Attach(ChangedCards),
    /// List the IOMMU groups, with driver and guest of every member.
    Groups,
    /// Tell whether this host is ready to give cards to guests, and what to do where it is not.
    Check,
    /// Finish or undo what a crash or a deadline left half done.
    Recover,
    /// Tell why the last start of a guest failed.
    Why {
        /// The guest, by its name in libvirt or its uuid.
        guest: String,
    },
    /// Name the cards anew, in the order of their addresses.
    Renumber,
    /// Read domain XML, write it with the guest's cards in it.
    Splice(SpliceWords),
    /// Libvirt's hook, which readies the cards of a guest that starts.
    #[command(subcommand)]
    Hook(HookCommand),
    /// The cards of hosts and guests in the cluster's database.
    #[command(subcommand)]
    Host(HostCommand),
    /// Print what makes a shell complete gpupci's words.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages.
    Man {
        /// The directory that they go to.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// Cards, by name (gpupci1), by address (02:00.0, 0000:02:00, pci_0000_02_00_0), or `all`.
#[derive(Args, Debug)]
pub(crate) struct Cards {
    /// Cards; without any, all.
    #[arg(value_name = "CARD")]
    pub(crate) cards: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ChangedCards {
    /// Cards, by name (gpupci1), by address (02:00.0, 0000:02:00, pci_0000_02_00_0), or `all`.
    #[arg(value_name = "CARD", required = true)]
    pub(crate) cards: Vec<String>,
    /// Print the writes that would be done, and do none.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl ChangedCards {
    /// Whether to act, or only to say what would be done.
    pub(crate) fn mode(&self) -> Mode {
        match self.dry_run {
            true => Mode::DryRun,
            false => Mode::Real,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct SpliceWords {
    /// The guest, by any of its names.
    pub(crate) guest: String,
    /// Point the cards that stand in the XML at where they are on this host; add none.
    #[arg(long)]
    pub(crate) retarget: bool,
    /// Take GUEST for its name in the cluster, and for no alias, address, pattern or statement.
    #[arg(long)]
    pub(crate) exact: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// Put libvirt's hook in its place, or bring it up to date. A hook that is not ours stays, and
    /// is run.
    Install {
        /// The program of the hook. [default: /usr/lib/gpupt/qemu-hook, or `qemu` beside gpupci]
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Take the hook away; what was there before it is there again.
    Uninstall,
    /// Tell where the hook is, whether libvirt has run it, and which other hooks there are.
    Status,
}

/// Words as Rocks' commands take them: HOST by name, alias, address, `rack0`, an appliance or a
/// pattern with %; and parameters such as gpu=gpupci1.
#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// Add a card to a host or a guest: HOST GPU VALUE [gpu=GPU] [value=VALUE]
    Add(Words),
    /// Add or replace a card, and keep the former value as GPU_old: HOST GPU VALUE
    Set(Words),
    /// Remove a card, and its former value: HOST GPU [gpu=GPU]
    Remove(Words),
    /// List cards: [HOST…] [output-header=no] [output-col=host,gpu,pci_bus] [json=yes]
    List(Words),
    /// Report cards for scripts: [HOST…] [gpu=GPU] [pydict=yes] [json=yes]
    Report(Words),
    /// Print the commands that make the attributes anew: [HOST…]
    Dump(Words),
    /// Tell what contradicts itself in the whole cluster
    Conflicts,
    /// Tell whether a guest may have cards of this host: not those that the cluster gives to others
    Allows {
        /// The guest, by its name in the cluster.
        guest: String,
        /// Cards, by name (gpupci1), by address (02:00.0, 0000:02:00, pci_0000_02_00_0), or `all`.
        #[arg(value_name = "CARD", required = true)]
        cards: Vec<String>,
    },
    /// Say where a guest lives that only the embedded database knows
    Place {
        /// The guest.
        guest: String,
        /// The host it lives on.
        host: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Words {
    /// Hosts, names, values and parameters.
    #[arg(value_name = "WORD")]
    pub(crate) words: Vec<String>,
}
