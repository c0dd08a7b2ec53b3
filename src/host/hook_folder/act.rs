//! Executes the steps that install or remove the hook: all or none.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use nix::unistd::geteuid;

use super::MODE;
use crate::failure::SystemError;
use crate::hook_folder::{FileStep, HookFault};
use crate::host::HookFolder;
use crate::paths::{CREATED_FOLDERS, STATE};
use crate::paths::{HOOK_FOLDER, HOOK_NEW, HOOK_OLD, HOOKS};

/// No plan replaces more files.
const OLD_MAX: usize = 8;

/// How a step is undone.
enum Undo {
    RemoveFolder(String),
    Remove(String),
    MoveBack {
        from: String,
        to: String,
        /// The copy of the file that it replaced.
        former: Option<String>,
    },
}

/// The path that could not be written, and why.
type WriteFailure = (String, io::Error);

impl HookFolder<'_> {
    /// Executes these steps. After a failure it undoes those that were done.
    ///
    /// # Errors
    /// If one fails. All is then undone, except for [`HookFault::HalfWay`].
    pub fn execute(&self, steps: &[FileStep], program: &[u8]) -> Result<(), HookFault> {
        let mut undos = Vec::new();
        let executed = self
            .remove_temporary_files()
            .and_then(|()| self.execute_all(steps, program, &mut undos));
        let Err((path, source)) = executed else {
            self.sync_folders();
            return Ok(());
        };
        let path = self.machine.path(path);
        let undone = undos.iter().rev().filter_map(|undo| self.undo(undo).err());
        let left: Vec<String> = undone.collect();
        if left.is_empty() {
            // A leftover file does no harm.
            let _ = self.remove_temporary_files();
            return Err(HookFault::Write { path, source });
        }
        Err(HookFault::HalfWay { path, source, left })
    }

    /// Removes the folders that we created, if they are empty, and our marks.
    pub fn remove_created_folders(&self) {
        let created = self.machine.text(CREATED_FOLDERS).unwrap_or_default();
        let ours = |path: &&&str| created.lines().any(|line| line == **path);
        for path in [HOOK_FOLDER, HOOKS].iter().filter(ours) {
            let _ = fs::remove_dir(self.machine.path(path));
        }
        let _ = self.machine.remove(CREATED_FOLDERS);
        let _ = fs::remove_dir(self.machine.path(STATE));
        self.forget_last_run();
    }

    fn execute_all(
        &self,
        steps: &[FileStep],
        program: &[u8],
        undos: &mut Vec<Undo>,
    ) -> Result<(), WriteFailure> {
        for (index, step) in steps.iter().enumerate() {
            let old = format!("{HOOK_OLD}{index}");
            match step {
                FileStep::MakeFolder(path) => {
                    self.make_one_folder(path).map_err(failed_at(path))?;
                    undos.push(Undo::RemoveFolder((*path).to_owned()));
                }
                FileStep::Write => {
                    // Undone even if only half of it was written.
                    undos.push(Undo::Remove(HOOK_NEW.to_owned()));
                    self.write_program(program).map_err(failed_at(HOOK_NEW))?;
                }
                FileStep::Link { from, to } => {
                    let linked = fs::hard_link(self.machine.path(from), self.machine.path(to));
                    linked.map_err(failed_at(to))?;
                    undos.push(Undo::Remove((*to).to_owned()));
                }
                FileStep::Move { from, to } => {
                    undos.push(self.move_replacing(from, to, Some(&old))?);
                }
                FileStep::Remove(path) => undos.push(self.move_replacing(path, &old, None)?),
            }
        }
        self.record_created_folders(steps)
            .map_err(failed_at(CREATED_FOLDERS))
    }

    /// Moves a file. A file with the new name is kept as `old`, and the name exists at every moment.
    fn move_replacing(
        &self,
        from: &str,
        to: &str,
        old: Option<&str>,
    ) -> Result<Undo, WriteFailure> {
        let is_replaced = self.machine.path(to).symlink_metadata().is_ok();
        let former = old.filter(|_| is_replaced);
        if let Some(former) = former {
            fs::hard_link(self.machine.path(to), self.machine.path(former))
                .map_err(failed_at(to))?;
        }
        fs::rename(self.machine.path(from), self.machine.path(to)).map_err(failed_at(to))?;
        Ok(Undo::MoveBack {
            from: from.to_owned(),
            to: to.to_owned(),
            former: former.map(str::to_owned),
        })
    }

    fn undo(&self, undo: &Undo) -> Result<(), String> {
        let not_restored = |path: &str, error: io::Error| {
            format!(
                "{} could not be restored ({})",
                self.machine.path(path).display(),
                SystemError(&error)
            )
        };
        match undo {
            Undo::RemoveFolder(path) => {
                fs::remove_dir(self.machine.path(path)).map_err(|error| not_restored(path, error))
            }
            Undo::Remove(path) => self
                .machine
                .remove(path)
                .map_err(|error| not_restored(path, error)),
            Undo::MoveBack { from, to, former } => {
                let undone = match former {
                    None => fs::rename(self.machine.path(to), self.machine.path(from)),
                    Some(former) => fs::hard_link(self.machine.path(to), self.machine.path(from))
                        .and_then(|()| {
                            fs::rename(self.machine.path(former), self.machine.path(to))
                        }),
                };
                undone.map_err(|error| not_restored(to, error))
            }
        }
    }

    fn make_one_folder(&self, path: &str) -> io::Result<()> {
        let real = self.machine.path(path);
        fs::DirBuilder::new().mode(0o755).create(&real)?;
        // The umask does not apply here.
        let opened = fs::set_permissions(&real, fs::Permissions::from_mode(0o755));
        if opened.is_err() {
            let _ = fs::remove_dir(&real);
        }
        opened
    }

    /// Writes the program under a name that libvirt ignores, and makes it executable before it gets
    /// its own: libvirt must not run half of it.
    fn write_program(&self, program: &[u8]) -> io::Result<()> {
        let mut file = fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(self.machine.path(HOOK_NEW))?;
        file.write_all(program)?;
        if geteuid().is_root() {
            fchown(&file, Some(0), Some(0))?;
        }
        file.set_permissions(fs::Permissions::from_mode(MODE))?;
        file.sync_all()
    }

    /// Records the folders that we created, in addition to earlier ones.
    fn record_created_folders(&self, steps: &[FileStep]) -> io::Result<()> {
        let created = steps.iter().filter_map(|step| match step {
            FileStep::MakeFolder(path) => Some(format!("{path}\n")),
            _ => None,
        });
        let created: String = created.collect();
        if created.is_empty() {
            return Ok(());
        }
        let before = self.machine.text(CREATED_FOLDERS).unwrap_or_default();
        self.machine.make_folder(STATE)?;
        self.machine
            .replace(CREATED_FOLDERS, &format!("{before}{created}"))
    }

    /// Removes temporary files, also those of an interrupted run.
    fn remove_temporary_files(&self) -> Result<(), WriteFailure> {
        let old = (0..OLD_MAX).map(|index| format!("{HOOK_OLD}{index}"));
        for path in old.chain([HOOK_NEW.to_owned()]) {
            match fs::remove_file(self.machine.path(&path)) {
                Err(error) if !is_missing(&error) => return Err((path, error)),
                _ => (),
            }
        }
        Ok(())
    }

    /// Syncs the folders after the last step, and removes temporary files.
    fn sync_folders(&self) {
        for folder in [HOOKS, HOOK_FOLDER] {
            let _ = fs::File::open(self.machine.path(folder)).and_then(|folder| folder.sync_all());
        }
        // A leftover file does no harm.
        let _ = self.remove_temporary_files();
    }
}

fn failed_at<'p>(path: &'p str) -> impl FnOnce(io::Error) -> WriteFailure + use<'p> {
    let path: &'p Path = Path::new(path);
    move |error| (path.display().to_string(), error)
}

fn is_missing(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    kinds.contains(&error.kind())
}

#[cfg(test)]
#[path = "act_tests.rs"]
mod tests;
