//! Child processes that never outlive the test.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::tools::SETPRIV;
use super::wait::{poll, wait_for};

/// A long-running program in a process group of its own; ended and reaped when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    output: PathBuf,
}

impl Process {
    /// Starts `command`, both its streams in one file inside `directory`.
    pub(crate) fn start(name: &str, command: &Command, directory: &Path) -> Self {
        let output = directory.join(format!("{name}.output"));
        let file = File::create(&output).unwrap();
        // If the test binary itself is killed no destructor runs, so the kernel ends the program for us.
        let mut guarded = SETPRIV.command();
        guarded.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program());
        guarded.args(command.get_args());
        let child = guarded
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap();
        Self { child, name: name.to_owned(), output }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid(self.child.id()), signal).unwrap();
    }

    /// The exit status, once there is one.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for the end of the program.
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        match poll(limit, || self.ended()) {
            Some(status) => status,
            None => panic!("{} does not end within {limit:?}\n{}", self.name, self.said()),
        }
    }

    /// Everything the program wrote so far.
    pub(crate) fn said(&self) -> String {
        let bytes = fs::read(&self.output).unwrap_or_default();
        format!("--- {}\n{}", self.name, String::from_utf8_lossy(&bytes))
    }
}

impl Process {
    /// Ends the program and all of its group at once, without a goodbye.
    pub(crate) fn end(&mut self) {
        // An error means that the group is gone already, which is what we want.
        let _ = kill_process_group(pid(self.child.id()), Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

pub(crate) fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

/// Waits until a process id is free again.
pub(crate) fn wait_until_gone(number: u32, limit: Duration) {
    wait_for(&format!("the end of process {number}"), limit, || {
        let state = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        let state = state.rsplit(')').next().unwrap().trim_start();
        (state.is_empty() || state.starts_with('Z')).then_some(())
    });
}
