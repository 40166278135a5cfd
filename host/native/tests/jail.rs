//! What the thread that runs guests cannot do in a jail.
#![cfg(all(target_os = "linux", feature = "jail"))]
#![allow(clippy::unwrap_used, reason = "tests")]
use std::{
    fs::{self, File},
    io,
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};
use weighbridge::{
    Cause, Interpose, Jail, LoadOptions, Runtime, Selection, SessionOptions, Strategy,
    trace::{Answer, Call},
};

#[path = "doc/tiny.rs"]
#[allow(dead_code, unreachable_pub, reason = "written for the examples of the documentation")]
mod doc;

/// Whoever has taken over the thread of a guest, in the middle of its calls: tries to get out, and notes what went.
#[derive(Debug)]
struct Intruder {
    address: std::net::SocketAddr,
    outside: PathBuf,
    went: Mutex<Vec<&'static str>>,
    calls: Mutex<usize>,
}

impl Intruder {
    fn tries(&self) -> Vec<(&'static str, io::Result<()>)> {
        vec![
            ("reads a file", File::open(&self.outside).map(drop)),
            ("reads the system's", File::open("/etc/passwd").map(drop)),
            ("lists a folder", fs::read_dir("/").map(drop)),
            ("writes a file", fs::write(self.outside.with_extension("new"), "x")),
            ("writes beside the model", fs::write("beside", "x")),
            ("removes a file", fs::remove_file(&self.outside)),
            ("starts a program", Command::new("/bin/true").status().map(drop)),
            ("connects", TcpStream::connect(self.address).map(drop)),
            ("listens", TcpListener::bind("127.0.0.1:0").map(drop)),
            ("sends", UdpSocket::bind("127.0.0.1:0").map(drop)),
            ("makes a pair of sockets", UnixStream::pair().map(drop)),
            ("reads the memory of others", File::open("/proc/1/environ").map(drop)),
        ]
    }
}

impl Interpose for Intruder {
    fn before(&self, _: &Call) -> Option<Answer> {
        *self.calls.lock().unwrap() += 1;
        let went = self.tries().into_iter().filter_map(|(name, result)| result.is_ok().then_some(name));
        self.went.lock().unwrap().extend(went);
        None
    }
}

#[test]
fn whoever_takes_over_a_guests_thread_gets_nowhere() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (model, outside) = (folder.path().join("tiny.safetensors"), elsewhere.path().join("secret"));
    fs::write(&model, doc::tiny()).unwrap();
    fs::write(&outside, "secret").unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let intruder = Intruder { address, outside: outside.clone(), went: Mutex::default(), calls: Mutex::default() };
    let free =
        intruder.tries().into_iter().filter(|(name, result)| result.is_ok() && *name != "removes a file").count();
    assert!(free >= 9, "outside of the jail these work: {:?}", intruder.tries());
    fs::write(&outside, "secret").unwrap();
    let intruder = Arc::new(intruder);

    let held = intruder.clone();
    let jailed = std::thread::spawn(move || {
        Jail::new().read(folder.path()).enter().unwrap();
        let runtime = Runtime::new().unwrap();
        for strategy in [Strategy::MappedFile, Strategy::ReadCopy, Strategy::StagedRead] {
            let options = SessionOptions::new().interpose(held.clone());
            let mut session = runtime.open_with(&model, options).unwrap();
            session.load(&Selection::All, &LoadOptions::new().policy(strategy)).unwrap();
            assert_eq!(session.tensor("scale").unwrap().bytes()[..4], 0.5f32.to_le_bytes());
        }
    });
    jailed.join().unwrap();
    assert!(*intruder.calls.lock().unwrap() > 3, "the guest called");
    assert_eq!(*intruder.went.lock().unwrap(), Vec::<&str>::new());
    assert_eq!(fs::read(&outside).unwrap(), b"secret");
    // The rest of the process goes on as before.
    assert!(Command::new("/bin/true").status().unwrap().success());
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = std::thread::spawn(|| Jail::new().read("/no/such/folder").enter().unwrap_err()).join().unwrap();
    assert_eq!(error.cause, Cause::InvalidRequest);
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
}
