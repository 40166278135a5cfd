//! Serves the page on this machine: static files, with the headers that a browser wants before a page may share memory with
//! its worker, and ranges. One thread a connection, one request each.
use crate::shell::say;
use anyhow::{Context, Result};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the page itself may do: nothing beyond this server.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; \
                      font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
/// What the worker may do that opens a URL which a person gave.
const REMOTE_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' https: http:";

const MAX_HEAD: u64 = 16 << 10;

/// Serves a folder until the program is ended. Its address is the first line on standard output.
pub(crate) fn serve(folder: &Path, port: u16) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} is not free; choose another with --port"))?;
    println!("http://localhost:{}/", listener.local_addr()?.port());
    say("serving target/web; end with Ctrl-C");
    for stream in listener.incoming() {
        let (Ok(stream), folder) = (stream, folder.to_path_buf()) else { continue };
        // A browser that goes away in the middle is no affair of ours.
        std::thread::spawn(move || answer(&stream, &folder).ok());
    }
    Ok(())
}

fn answer(stream: &TcpStream, folder: &Path) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut head = String::new();
    let mut reader = BufReader::new(stream.take(MAX_HEAD));
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let response = respond(&head, folder);
    let mut out = stream;
    out.write_all(&response)?;
    Ok(out.flush()?)
}

/// The whole answer to a request.
fn respond(head: &str, folder: &Path) -> Vec<u8> {
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !matches!(method, "GET" | "HEAD") {
        return plain("405 Method Not Allowed");
    }
    let Some(path) = local(target, folder) else { return plain("404 Not Found") };
    let Ok(whole) = fs::read(&path) else { return plain("404 Not Found") };
    let range = header(head, "range").and_then(|text| span(text, whole.len()));
    let accepted = header(head, "accept-encoding").unwrap_or_default();
    let packed = ENCODINGS
        .iter()
        .filter(|(name, _)| range.is_none() && accepted.split([',', ' ', ';']).any(|said| said == *name))
        .find_map(|(name, end)| Some((*name, packed(&path, end)?)));
    let mut lines = vec![
        format!("Content-Type: {}", kind(&path)),
        "Cache-Control: no-cache".to_owned(),
        "Accept-Ranges: bytes".to_owned(),
        "Vary: Accept-Encoding".to_owned(),
        "X-Content-Type-Options: nosniff".to_owned(),
        "Referrer-Policy: no-referrer".to_owned(),
        "Cross-Origin-Opener-Policy: same-origin".to_owned(),
        "Cross-Origin-Embedder-Policy: require-corp".to_owned(),
        "Cross-Origin-Resource-Policy: same-origin".to_owned(),
        format!("Content-Security-Policy: {}", if path.ends_with("worker/remote.js") { REMOTE_POLICY } else { POLICY }),
        "Connection: close".to_owned(),
    ];
    let (status, body) = match (range, packed) {
        (Some((start, end)), _) => {
            lines.push(format!("Content-Range: bytes {start}-{}/{}", end - 1, whole.len()));
            ("206 Partial Content", whole[start..end].to_vec())
        }
        (None, Some((name, packed))) => {
            lines.push(format!("Content-Encoding: {name}"));
            ("200 OK", packed)
        }
        (None, None) => ("200 OK", whole),
    };
    lines.push(format!("Content-Length: {}", body.len()));
    let mut answer = format!("HTTP/1.1 {status}\r\n{}\r\n\r\n", lines.join("\r\n")).into_bytes();
    if method == "GET" {
        answer.extend(body);
    }
    answer
}

fn plain(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

/// The file of a request, if it is one of the page's: plain names below the folder, nothing else.
fn local(target: &str, folder: &Path) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let path = if path.is_empty() { "index.html" } else { path };
    let plain = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    path.split('/').all(plain).then(|| path.split('/').fold(folder.to_path_buf(), |at, name| at.join(name)))
}

/// What a file may be compressed by, the smallest first, and what its name ends in then.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// The compressed neighbour of a file, unless it is older.
fn packed(path: &Path, end: &str) -> Option<Vec<u8>> {
    let mut beside = path.to_path_buf().into_os_string();
    beside.push(end);
    let time = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    (time(Path::new(&beside))? >= time(path)?).then(|| fs::read(&beside).ok())?
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.trim())
}

/// `bytes=A-B` of a file of so many bytes, as start and end.
fn span(text: &str, size: usize) -> Option<(usize, usize)> {
    let (start, end) = text.strip_prefix("bytes=")?.split_once('-')?;
    let start: usize = start.parse().ok()?;
    let end = if end.is_empty() { size } else { end.parse::<usize>().ok()?.saturating_add(1).min(size) };
    (start < end).then_some((start, end))
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|end| end.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("worker")).unwrap();
        fs::write(folder.path().join("index.html"), "<p>page").unwrap();
        fs::write(folder.path().join("worker/remote.js"), "0123456789").unwrap();
        fs::write(folder.path().join("worker/remote.js.gz"), "packed").unwrap();
        fs::write(folder.path().join("worker/remote.js.br"), "smallest").unwrap();
        folder
    }

    fn ask(request: &str) -> String {
        let folder = page();
        String::from_utf8(respond(&format!("{request}\r\n\r\n"), folder.path())).unwrap()
    }

    #[test]
    fn the_page_is_isolated_and_may_reach_nothing_else() {
        let said = ask("GET / HTTP/1.1");
        assert!(said.starts_with("HTTP/1.1 200 OK") && said.ends_with("<p>page"), "{said}");
        for line in ["Embedder-Policy: require-corp", "Opener-Policy: same-origin", "connect-src 'self';", "text/html"]
        {
            assert!(said.contains(line), "{line}: {said}");
        }
        assert!(ask("GET /worker/remote.js HTTP/1.1").contains("connect-src 'self' https: http:"));
    }

    #[test]
    fn ranges_and_compressed_files_are_answered() {
        let said = ask("GET /worker/remote.js HTTP/1.1\r\nRange: bytes=2-4\r\nAccept-Encoding: gzip");
        assert!(
            said.starts_with("HTTP/1.1 206") && said.contains("bytes 2-4/10") && said.ends_with("\r\n\r\n234"),
            "{said}"
        );
        for (accepted, sent, body) in [("gzip, br;q=1.0", "br", "smallest"), ("gzip, deflate", "gzip", "packed")] {
            let said = ask(&format!("GET /worker/remote.js HTTP/1.1\r\nAccept-Encoding: {accepted}"));
            assert!(said.contains(&format!("Content-Encoding: {sent}\r\n")) && said.ends_with(body), "{said}");
        }
        assert!(ask("HEAD / HTTP/1.1").ends_with("\r\n\r\n"));
    }

    #[test]
    fn nothing_outside_the_folder_is_served() {
        for target in
            ["/../secret", "/..", "/worker/../index.html", "//etc/passwd", "/.git", "/%2e%2e/x", "/a\\b", "/none"]
        {
            assert!(ask(&format!("GET {target} HTTP/1.1")).starts_with("HTTP/1.1 404"), "{target}");
        }
        assert!(ask("POST / HTTP/1.1").starts_with("HTTP/1.1 405"));
    }
}
