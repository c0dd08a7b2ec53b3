//! The command line: options, commands and their arguments.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use gpupt::failure::Grammar;
use gpupt::handover::Mode;
use gpupt::host::Machine;
use gpupt::pci::VendorId;
use gpupt::settings::grammar_of;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or nothing to do         5  this host cannot: IOMMU, VFIO, group
  1  failed, state as before        6  a write hangs, the card is locked until it ends
  2  wrong usage                    7  failed and not undone
  3  no such card, guest or host    8  recorded card and hardware differ
  4  in use                         9  not permitted";

/// Move GPUs between this host and its libvirt guests, and find out why a guest could not get one.
#[derive(Debug, Parser)]
#[command(name = "gpupci", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(flatten)]
    pub(crate) short: ShortFlags,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The short flags of the original, which can be combined.
#[derive(Args, Debug)]
pub(crate) struct ShortFlags {
    /// Same as the command `list`.
    #[arg(short, long)]
    pub(crate) list: bool,
    /// Same as the command `attach`; can be repeated.
    #[arg(short, long, value_name = "CARD|all")]
    pub(crate) attach: Vec<String>,
    /// Same as the command `detach`; can be repeated.
    #[arg(short, long, value_name = "CARD|all")]
    pub(crate) detach: Vec<String>,
    /// Same as the command `status`; can be repeated.
    #[arg(short, long, value_name = "CARD|all")]
    pub(crate) status: Vec<String>,
}

impl ShortFlags {
    /// Whether none of them was given.
    pub(crate) fn is_empty(&self) -> bool {
        !self.list && self.attach.is_empty() && self.detach.is_empty() && self.status.is_empty()
    }
}

/// The options of every command.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Read and write all files of this machine below DIR. [default: GPUPT_ROOT, or /]
    #[arg(long, value_name = "DIR", global = true)]
    root: Option<PathBuf>,
    /// The database of the cluster: mysql://user@host:3306/cluster,
    /// mysql://user@localhost/cluster?socket=/path or sqlite:/path. If the URL has a password, set
    /// GPUPT_DATABASE instead: every user of this machine can read a command line.
    /// [default: GPUPT_DATABASE, /etc/gpupt.toml, Rocks' own, or /var/lib/gpupt/cluster.db]
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
    /// Count cards of this vendor too: nvidia, amd, intel, or a PCI vendor id such as 1002; can be repeated.
    #[arg(long = "vendor", value_name = "VENDOR", global = true)]
    pub(crate) vendors: Vec<VendorId>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing on standard error but errors; `check` prints only what is not PASS.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print more: model, driver, IOMMU group, NUMA node, users of a card.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// The longest that one write to the kernel may take; then the card is locked until the write ends.
    #[arg(long, value_name = "SECONDS", global = true, default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

impl Global {
    /// The folder that the machine's files are in. An empty variable is the same as an unset one.
    pub(crate) fn root(&self) -> PathBuf {
        let root = self
            .root
            .clone()
            .or_else(|| Some(variable("GPUPT_ROOT")?.into()));
        root.unwrap_or_else(|| PathBuf::from("/"))
    }

    /// The grammar of messages. Rocks' commands say in the environment that they ask.
    pub(crate) fn grammar(&self, machine: &Machine) -> Grammar {
        let is_asked_by_rocks = variable("GPUPT_ASKED_BY").is_some_and(|value| value == "rocks");
        grammar_of(machine, self.database().as_deref(), is_asked_by_rocks)
    }

    /// The database URL from the command line or the environment.
    pub(crate) fn database(&self) -> Option<String> {
        let from_environment =
            || variable("GPUPT_DATABASE").map(|url| url.to_string_lossy().into_owned());
        self.database.clone().or_else(from_environment)
    }
}

/// Parses a time of 0.1 s to 1 h.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    seconds
        .filter(|seconds| (0.1..=3600.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "expected a number of seconds from 0.1 to 3600".to_owned())
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the cards of this host and their addresses.
    List,
    /// Show the driver of each function of a card.
    Status(Cards),
    /// Bind cards to the stub driver, so that guests can use them.
    Detach(CardsToChange),
    /// Restore the host drivers of cards.
    Attach(CardsToChange),
    /// List the IOMMU groups, with the driver and guest of every member.
    Groups,
    /// Check whether this host is ready for pass-through, and say what to do if it is not.
    ///
    /// With cards, only these and the host are checked. The last line says how many cards a guest has or can get
    /// now. With --quiet, only what is not PASS is printed. The worst result decides the exit code: 0 for PASS and
    /// WARN; 5 for FAIL, also if this host has no card, no libvirt or no hook; 6 for a locked card; 8 for one that
    /// differs from the records.
    Check(Cards),
    /// Finish or undo a detach or attach that was interrupted.
    Recover,
    /// Say why the last start of a guest failed.
    Why {
        /// The guest: its name in libvirt or its UUID.
        guest: String,
    },
    /// Reassign card names, in the order of the addresses.
    Renumber,
    /// Read domain XML on standard input, and write it with the guest's cards added.
    Splice(SpliceArguments),
    /// Manage the libvirt hook, which prepares the cards of a guest that starts.
    #[command(subcommand)]
    Hook(HookCommand),
    /// Manage the cards of hosts and guests in the cluster's database.
    #[command(subcommand)]
    Host(HostCommand),
    /// Print a completion script.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages.
    Man {
        /// The directory to write to.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// Cards, by name (gpupci1), by address (02:00.0, 0000:02:00, pci_0000_02_00_0), or `all`.
#[derive(Args, Debug)]
pub(crate) struct Cards {
    /// Cards, by name (gpupci1), by address (02:00.0, 0000:02:00, pci_0000_02_00_0), or `all`.
    /// [default: all]
    #[arg(value_name = "CARD")]
    pub(crate) cards: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct CardsToChange {
    /// Cards, by name (gpupci1), by address (02:00.0, 0000:02:00, pci_0000_02_00_0), or `all`.
    #[arg(value_name = "CARD", required = true)]
    pub(crate) cards: Vec<String>,
    /// Print the writes to the kernel, but perform none.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl CardsToChange {
    /// Whether to perform the writes or only to print them.
    pub(crate) fn mode(&self) -> Mode {
        match self.dry_run {
            true => Mode::DryRun,
            false => Mode::Real,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct SpliceArguments {
    /// The guest: its name or any other name of it in the cluster.
    pub(crate) guest: String,
    /// Add no card: set the addresses of the guest's cards in the XML to those on this host.
    #[arg(long)]
    pub(crate) retarget: bool,
    /// Take GUEST as a name in the cluster, not as an alias, address, pattern or statement.
    #[arg(long)]
    pub(crate) exact: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// Install or update the libvirt hook. Another hook that exists is kept, and still runs.
    Install {
        /// The hook program. [default: /usr/lib/gpupt/qemu-hook, or `qemu` beside gpupci]
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Remove the hook, and restore a hook that was there before.
    Uninstall,
    /// Show where the hook is, whether libvirt has run it, and which other hooks exist.
    Status,
}

/// Arguments as in Rocks' commands: HOST by name, alias, address, `rack0`, an appliance or a
/// pattern with %; and parameters such as gpu=gpupci1.
#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// Add a card to a host or a guest: HOST GPU VALUE [gpu=GPU] [value=VALUE]
    Add(RocksWords),
    /// Add or replace a card; the former value becomes GPU_old: HOST GPU VALUE
    Set(RocksWords),
    /// Remove a card and GPU_old: HOST GPU [gpu=GPU]
    Remove(RocksWords),
    /// List cards: [HOST…] [output-header=no] [output-col=host,gpu,pci_bus] [json=yes]
    List(RocksWords),
    /// Report cards for scripts: [HOST…] [gpu=GPU] [pydict=yes] [json=yes]
    Report(RocksWords),
    /// Print the commands that recreate the attributes: [HOST…]
    Dump(RocksWords),
    /// List contradictions in the whole cluster
    Conflicts,
    /// Check whether the cluster's attributes let a guest use cards of this host
    Allows {
        /// The guest: its name in the cluster.
        guest: String,
        /// Cards, by name (gpupci1), by address (02:00.0, 0000:02:00, pci_0000_02_00_0), or `all`.
        #[arg(value_name = "CARD", required = true)]
        cards: Vec<String>,
    },
    /// Set a guest's host (embedded database only)
    Place {
        /// The guest.
        guest: String,
        /// Its host.
        host: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct RocksWords {
    /// Hosts, names, values and parameters.
    #[arg(value_name = "WORD")]
    pub(crate) words: Vec<String>,
}
