//! The real program: in a window on a virtual display, and without one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weighbridge-inspector");

/// A virtual display that ends with the test.
struct Display(Child, String);

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Display {
    fn start(folder: &Path) -> Self {
        let file = folder.join("display");
        let child = Command::new("Xvfb")
            .args(["-screen", "0", "1280x900x24", "+extension", "GLX", "-noreset", "-displayfd", "1"])
            .stdout(std::fs::File::create(&file).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "Xvfb is needed: apt-get install xvfb libgl1 libgl1-mesa-dri libxkbcommon-x11-0 libxcursor1 libxi6",
            );
        let began = Instant::now();
        let mut display = Self(child, String::new());
        while display.1.is_empty() {
            assert!(began.elapsed() < Duration::from_secs(20), "Xvfb did not start");
            std::thread::sleep(Duration::from_millis(50));
            display.1 = std::fs::read_to_string(&file).unwrap().trim().to_owned();
        }
        display
    }
}

fn model(folder: &Path) -> String {
    let header = br#"{"a":{"dtype":"F32","shape":[1024],"data_offsets":[0,4096]},"b":{"dtype":"F16","shape":[64,32],"data_offsets":[4096,8192]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header);
    file.extend((0..8192u32).map(|i| i as u8));
    let path = folder.join("tiny.safetensors");
    std::fs::write(&path, file).unwrap();
    path.to_string_lossy().into_owned()
}

/// How many colours a picture has, and its size.
fn colours(path: &Path) -> (usize, u32, u32) {
    let mut reader =
        png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap())).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let set: std::collections::HashSet<&[u8]> = bytes.chunks_exact(4).collect();
    (set.len(), info.width, info.height)
}

fn finish(mut child: Child) -> (bool, String) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(120) {
        if let Some(status) = child.try_wait().unwrap() {
            let mut said = String::new();
            if let Some(mut err) = child.stderr.take() {
                let _ = std::io::Read::read_to_string(&mut err, &mut said);
            }
            return (status.success(), said);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    panic!("the program did not end");
}

#[test]
fn a_window_opens_a_file_and_its_picture_is_not_blank() {
    let folder = tempfile::tempdir().unwrap();
    let display = Display::start(folder.path());
    let shot = folder.path().join("shot.png");
    let child = Command::new(PROGRAM)
        .args([&model(folder.path()), "--theme", "dark", "--screenshot", &shot.to_string_lossy()])
        .env("DISPLAY", format!(":{}", display.1))
        .env_remove("WAYLAND_DISPLAY")
        .env("HOME", folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (ok, said) = finish(child);
    assert!(ok, "{said}");
    let (colours, width, height) = colours(&shot);
    assert!(colours > 50 && width >= 800 && height >= 600, "{colours} colours, {width} by {height}");
}

#[test]
fn without_a_display_it_says_what_to_do() {
    let child = Command::new(PROGRAM)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (ok, said) = finish(child);
    assert!(!ok && said.contains("--headless"), "{said}");
}

#[test]
fn a_script_runs_without_a_display() {
    let folder = tempfile::tempdir().unwrap();
    let shot = folder.path().join("shot.png");
    let script = folder.path().join("script");
    let text = format!(
        "size 800x600\nopen {}\nexpect tensors 2\nstrategy mapped-file\nload\nexpect ok\nquery actor:mmap\nexpect rows\nfault unmap 1 busy\nrelease\nexpect failed busy\ndismiss\nrelease\nexpect ok\nscreenshot {}\n",
        model(folder.path()),
        shot.display()
    );
    std::fs::write(&script, text).unwrap();
    let child = Command::new(PROGRAM)
        .args(["--headless", "--script"])
        .arg(&script)
        .env_remove("DISPLAY")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (ok, said) = finish(child);
    assert!(ok, "{said}");
    assert!(colours(&shot).0 > 50);
    std::fs::write(&script, "dance\n").unwrap();
    let child =
        Command::new(PROGRAM).args(["--headless", "--script"]).arg(&script).stderr(Stdio::piped()).spawn().unwrap();
    let (ok, said) = finish(child);
    assert!(!ok && said.contains("line 1: dance"), "{said}");
}
