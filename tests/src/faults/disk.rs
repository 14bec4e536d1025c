//! Full disks: each server's folder is a small file system in memory that can be made as small as what is in it. The
//! mounts are in a mount namespace of the run's own, so they end with it, however it ends.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use rustix::fs::statvfs;

/// Tells a program that it was started again in a namespace of its own.
const MARK: &str = "SCALEOUT_FAULTS_OWN_MOUNTS";
/// Room for each server while its disk is not full. The broker raises its alarm below 200 MB.
const ROOM_MIB: u64 = 1_536;
/// What is written while the disk is measured may make it larger than it is to become.
const TRIES_MAX: u32 = 20;

/// Starts this program again in a mount namespace of its own; comes back if it is there already, or with the reason why
/// it cannot be had.
pub fn enter_own_mounts() -> Result<(), String> {
    if std::env::var_os(MARK).is_some() {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        return Err("only root can mount a small disk".to_owned());
    }
    let probe = Command::new("unshare").args(["--mount", "--propagation", "private", "--", "true"]).output();
    match probe {
        Ok(output) if output.status.success() => {}
        Ok(output) => return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => return Err(format!("unshare: {error}")),
    }
    let itself = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--"]).arg(itself);
    let failed = command.args(std::env::args_os().skip(1)).env(MARK, "yes").exec();
    Err(format!("unshare: {failed}"))
}

/// Small disks at the places where the servers' folders will be.
#[derive(Debug)]
pub struct Disks {
    mounted: Vec<PathBuf>,
}

impl Disks {
    /// Mounts one for each of `servers` in `folder`.
    ///
    /// # Errors
    /// When this process has no mounts of its own, or the system refuses.
    pub fn mount(folder: &Path, servers: &[&str]) -> anyhow::Result<Self> {
        if std::env::var_os(MARK).is_none() {
            bail!("this process has no mounts of its own");
        }
        let mut disks = Self { mounted: Vec::new() };
        for server in servers {
            let place = folder.join(server);
            std::fs::create_dir_all(&place)?;
            let options = format!("size={ROOM_MIB}m,mode=0755");
            call(&["mount", "-t", "tmpfs", "-o", &options, "scaleout-faults", &text(&place)])?;
            disks.mounted.push(place);
        }
        Ok(disks)
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        for place in &self.mounted {
            if let Err(error) = call(&["umount", "--lazy", &text(place)]) {
                eprintln!("{error:#}; it goes with the mount namespace, when this process ends");
            }
        }
    }
}

/// Leaves nothing free on the small disk at `place`.
///
/// # Errors
/// When it is none, or the system refuses.
pub fn fill(place: &Path) -> anyhow::Result<()> {
    let mut tried = 0;
    loop {
        let look = statvfs(place)?;
        let used_kib = (look.f_blocks - look.f_bfree) * look.f_frsize / 1024;
        tried += 1;
        match resize(place, &format!("{used_kib}k")) {
            Err(_) if tried < TRIES_MAX => {}
            done => return done,
        }
    }
}

/// Gives it its room back.
///
/// # Errors
/// As [`fill`].
pub fn free(place: &Path) -> anyhow::Result<()> {
    resize(place, &format!("{ROOM_MIB}m"))
}

fn resize(place: &Path, size: &str) -> anyhow::Result<()> {
    call(&["mount", "-o", &format!("remount,size={size}"), &text(place)])
}

fn call(command: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(command[0]).args(&command[1..]).output();
    let output = output.with_context(|| format!("cannot run {}", command[0]))?;
    if !output.status.success() {
        bail!("{}: {}", command.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
