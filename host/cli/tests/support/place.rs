//! A folder of its own in which commands run.
use super::mask::mask;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The tool, with nothing of the caller's settings.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weighbridge"));
        command.args(args).current_dir(self.0.path()).env("NO_COLOR", "1").env_remove("COLUMNS");
        command
    }

    /// Whether the file system of the folder has files without a name.
    #[cfg(target_os = "linux")]
    #[allow(dead_code, reason = "one test asks")]
    pub(crate) fn has_unnamed_files(&self) -> bool {
        use rustix::fs::{Mode, OFlags};
        rustix::fs::open(self.0.path(), OFlags::TMPFILE | OFlags::RDWR, Mode::RUSR).is_ok()
    }

    /// Runs a command of a transcript and answers what it printed.
    pub(crate) fn run(&self, line: &str) -> String {
        let (line, pipe) = line.split_once(" | ").map_or((line, None), |(line, pipe)| (line, Some(pipe)));
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some((&"weighbridge", args)) = words.split_first() else {
            self.verb(&words);
            return String::new();
        };
        let output = self.command(args).output().unwrap();
        let stdout = mask(&String::from_utf8(output.stdout).unwrap());
        let stderr = mask(&String::from_utf8(output.stderr).unwrap());
        let stdout = match pipe.map(|pipe| pipe.split_once(' ').unwrap_or((pipe, ""))) {
            None => stdout,
            Some(("head", count)) => {
                stdout.lines().take(count.parse().unwrap()).map(|line| format!("{line}\n")).collect()
            }
            Some(("grep", text)) => {
                stdout.lines().filter(|line| line.contains(text)).map(|line| format!("{line}\n")).collect()
            }
            Some(("lines", _)) => format!("{} lines\n", stdout.lines().count()),
            Some((other, _)) => panic!("there is no {other:?} to pipe into"),
        };
        let stderr: String = stderr.lines().map(|line| format!("! {line}\n")).collect();
        let status = match output.status.code() {
            Some(0) => String::new(),
            Some(code) => format!("? {code}\n"),
            None => format!("? {}\n", output.status),
        };
        format!("{stdout}{stderr}{status}")
    }

    /// What a transcript can do to its files.
    fn verb(&self, words: &[&str]) {
        match *words {
            // Bytes in hexadecimal, or text in quotes.
            ["write", file, ref bytes @ ..] => fs::write(self.path(file), data(bytes)).unwrap(),
            ["patch", file, at, ref bytes @ ..] => {
                let mut content = fs::read(self.path(file)).unwrap();
                let (at, bytes) = (at.parse::<usize>().unwrap(), data(bytes));
                content[at..at + bytes.len()].copy_from_slice(&bytes);
                fs::write(self.path(file), content).unwrap();
            }
            // Replaces the first of one text by another.
            ["replace", file, from, to] => {
                let content = fs::read_to_string(self.path(file)).unwrap();
                assert!(content.contains(from), "{file} has no {from:?}");
                fs::write(self.path(file), content.replacen(from, to, 1)).unwrap();
            }
            ["truncate", file, len] => {
                fs::File::options().write(true).open(self.path(file)).unwrap().set_len(len.parse().unwrap()).unwrap();
            }
            ["copy", from, to] => {
                fs::copy(self.path(from), self.path(to)).unwrap();
            }
            ["remove", file] => fs::remove_file(self.path(file)).unwrap(),
            ["link", name, target] => std::os::unix::fs::symlink(target, self.path(name)).unwrap(),
            ["folder", name] => fs::create_dir_all(self.path(name)).unwrap(),
            ["fifo", name] => assert!(Command::new("mkfifo").arg(self.path(name)).status().unwrap().success()),
            _ => panic!("there is no command {words:?}"),
        }
    }
}

fn data(words: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in words {
        match word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')) {
            Some(text) => bytes.extend_from_slice(text.as_bytes()),
            None => bytes.extend(word.as_bytes().chunks(2).map(|pair| {
                u8::from_str_radix(str::from_utf8(pair).unwrap(), 16)
                    .unwrap_or_else(|_| panic!("{word:?} is not hexadecimal"))
            })),
        }
    }
    bytes
}

/// Splits at spaces, except inside of single quotes. Of a command's argument the quotes go; of data they say that it is text.
fn words(line: &str) -> Vec<String> {
    let keep = line.starts_with("write") || line.starts_with("patch");
    let mut words = vec![];
    let mut word = None::<String>;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                let word = word.get_or_insert_default();
                if keep {
                    word.push(c);
                }
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
