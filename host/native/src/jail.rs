//! A sandbox below the sandbox: what the thread that runs guests gives up.
use crate::error::Error;
use std::path::{Path, PathBuf};
use weighbridge_core::{Cause, Phase};

/// What a thread may still do after [`enter`](Self::enter): read and write in some folders. Whatever a guest, the engine that
/// runs it, or this library were brought to do, it opens no other file, reaches no network and starts no program.
///
/// It is for programs that do little else: it cannot be left, and holds for the thread that enters and for each that it starts
/// later. So enter before the [`Runtime`](crate::Runtime) is made, at the beginning of `main` or of a thread of its own. Files
/// that are open already can be used as before: a program that opens all of a model's files first, and hands them over as
/// [`Part::file`](crate::Part::file), needs no folder at all.
///
/// On Linux it is made of Landlock (5.13 or newer) and a seccomp filter, and of `no_new_privs`. Elsewhere it is refused.
///
/// ```
/// use weighbridge::{Jail, ModelFiles, Part, Runtime};
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
///
/// # let file = tempfile::tempdir()?.keep().join("tiny.safetensors");
/// # std::fs::write(&file, tiny())?;
/// let model = Part::file(std::fs::File::open(&file)?);
/// let tensors = std::thread::spawn(move || -> Result<u32, weighbridge::Error> {
///     Jail::new().enter()?;
///     let model = Runtime::new()?.open(ModelFiles::new().part("tiny.safetensors", model))?;
///     assert!(std::fs::File::open("/etc/passwd").is_err());
///     Ok(model.summary().tensors)
/// });
/// # if cfg!(target_os = "linux") {
/// assert_eq!(tensors.join().unwrap()?, 1);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is given up before `enter`"]
pub struct Jail {
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
}

impl Jail {
    /// Without any folder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves the right to read a file, or whatever lies below a folder.
    pub fn read(mut self, path: impl Into<PathBuf>) -> Self {
        self.read.push(path.into());
        self
    }

    /// Leaves the right to make, write, rename and remove files below a folder.
    pub fn write(mut self, folder: impl Into<PathBuf>) -> Self {
        self.write.push(folder.into());
        self
    }

    /// Gives up the rest, for ever.
    ///
    /// # Errors
    /// `invalid-request`: the system has no such thing, or one of the paths cannot be opened. What was given up until then
    /// stays given up.
    pub fn enter(&self) -> Result<(), Error> {
        system::enter(self)
    }
}

fn refused(why: &str) -> Error {
    let message = format!("no jail could be made: {why}");
    Error::new(Phase::Request, Cause::InvalidRequest, message)
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Error, Jail, refused};

    pub(super) fn enter(_: &Jail) -> Result<(), Error> {
        Err(refused("this system has no Landlock, which Linux has since 5.13; run without it, or in a container"))
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::{Error, Jail, Path, refused};
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
        RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
    };
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    use weighbridge_core::escape_path;

    /// What the host itself reads while guests run: how much memory is left, and where this thread's stack ends.
    const OWN: [&str; 3] = ["/proc/meminfo", "/proc/self", "/sys/fs/cgroup"];

    /// Newest rights that are known here; an older kernel gives up those that it knows.
    const NEWEST: ABI = ABI::V6;

    /// Calls that reach other programs, machines or users, or change what the system is. Whatever else a host does not need
    /// acts on what is open already.
    const DENIED: [libc::c_long; 36] = [
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_kcmp,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_open_by_handle_at,
        // A ring of io_uring opens and connects past this filter.
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_kexec_load,
    ];

    pub(super) fn enter(jail: &Jail) -> Result<(), Error> {
        files(jail)?;
        let filter = filter().map_err(|error| refused(&format!("the filter of calls: {error}")))?;
        seccompiler::apply_filter(&filter).map_err(|error| {
            refused(&format!("this system takes no filter of calls ({error}); run without it, or in a container"))
        })
    }

    fn files(jail: &Jail) -> Result<(), Error> {
        let failed = |error: landlock::RulesetError| refused(&format!("Landlock: {error}"));
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let write = read | AccessFs::from_write(NEWEST);
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))
            .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
            .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
            .and_then(Ruleset::create)
            .map_err(failed)?;
        // A system without one of the host's own files has nothing to be read there.
        let own = OWN.iter().filter_map(|path| Some((PathFd::new(path).ok()?, read)));
        let asked = |paths: &[std::path::PathBuf], rights| {
            paths.iter().map(move |path| Ok((opened(path)?, rights))).collect::<Result<Vec<_>, Error>>()
        };
        let rights = own.chain(asked(&jail.read, read)?).chain(asked(&jail.write, write)?);
        for (path, rights) in rights.collect::<Vec<(PathFd, BitFlags<AccessFs>)>>() {
            rules = rules.add_rule(PathBeneath::new(path, rights)).map_err(failed)?;
        }
        match rules.restrict_self().map_err(failed)?.ruleset {
            RulesetStatus::NotEnforced => {
                Err(refused("this kernel has no Landlock, or it is switched off; run without it, or in a container"))
            }
            _ => Ok(()),
        }
    }

    fn opened(path: &Path) -> Result<PathFd, Error> {
        PathFd::new(path).map_err(|error| refused(&format!("{}: {error}; check the path", escape_path(path))))
    }

    fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
        let denied = DENIED.into_iter().map(|call| (call, Vec::new())).collect();
        let refusal = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        SeccompFilter::new(denied, SeccompAction::Allow, refusal, std::env::consts::ARCH.try_into()?)?.try_into()
    }
}
