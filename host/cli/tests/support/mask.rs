//! What no two runs have alike.

/// Masks times, the component's hash and the size of its memory.
pub(super) fn mask(text: &str) -> String {
    let mut masked: String = text.lines().map(|line| format!("{}\n", mask_line(line))).collect();
    if !text.ends_with('\n') {
        masked.pop();
    }
    masked
}

/// Counts that change with the component, by a word of their line and what comes after the number.
const COUNTS: [(&str, &str); 8] = [
    ("into the guest", " calls into"),
    ("into the guest", " out of it"),
    ("compared, no difference", " compared"),
    ("answered from the recording", " answered"),
    ("no difference in", " rows"),
    ("begins in", " rows"),
    ("does what it did", " records)"),
    (".wbrec: ", " records,"),
];

fn mask_line(line: &str) -> String {
    if let Some(json) = json_number(line) {
        return json;
    }
    let mut line = mask_hashes(line);
    for unit in [" ns", " µs", " ms", " s"] {
        line = mask_numbers_before(&line, unit, "<time>");
    }
    if line.contains("<time>") {
        // The width of a column is that of its longest time.
        let indent = line.len() - line.trim_start().len();
        let cells: Vec<_> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        line = format!("{}{}", &line[..indent], cells.join("  "));
    }
    // How often the component calls and what it says is for its own tests to judge.
    for (label, unit) in COUNTS {
        if line.contains(label) {
            line = mask_numbers_before(&line, unit, &format!("<n>{unit}"));
        }
    }
    if line.contains(" of memory; ") {
        line = mask_numbers_before(&line, " MiB of memory", "<size> of memory");
        line = mask_numbers_before(&line, " KiB of memory", "<size> of memory");
    }
    if let Some(at) = line.find("steps    ") {
        line.replace_range(at + 9.., "<n>");
    }
    if let Some(at) = line.find("exports  ") {
        line.replace_range(at + 9.., "<n>");
    }
    line = mask_numbers_before(&line, " KiB of the file", "<size> of the file");
    if line.contains(" records, ") {
        line = mask_numbers_before(&line, " KiB", "<size>");
        line = mask_numbers_before(&line, " bytes)", "<size>)");
    }
    line
}

/// `"load": 12345,` where the key is of a time or of another number that varies.
fn json_number(line: &str) -> Option<String> {
    const VARY: [&str; 17] = [
        "crossings",
        "crossings_in",
        "crossings_out",
        "bytes_read",
        "component",
        "instantiate",
        "open",
        "header_read",
        "load",
        "map",
        "read",
        "allocate",
        "memory_bytes",
        "recorded_ns",
        "replayed_ns",
        "ns",
        "at",
    ];
    let (key, value) = line.split_once("\": ")?;
    let (indent, name) = key.split_once('"')?;
    let number = value.trim_end_matches(',');
    let varies = VARY.contains(&name) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    varies.then(|| format!("{indent}\"{name}\": 0{}", &value[number.len()..]))
}

/// Replaces `12.3 ms` and the like by the mask.
fn mask_numbers_before(line: &str, unit: &str, mask: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(unit) {
        let (before, after) = (&rest[..at], &rest[at + unit.len()..]);
        let number = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
        let ends = after.chars().next().is_none_or(|c| !c.is_alphanumeric());
        if before[number.len()..].contains(|c: char| c.is_ascii_digit()) && ends {
            out.push_str(number);
            out.push_str(mask);
        } else {
            out.push_str(before);
            out.push_str(unit);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The hash of the component, whole or its beginning: it changes with every change of the component.
fn mask_hashes(line: &str) -> String {
    let mut line = line.to_owned();
    for word in ["component ", "component\": \"", "component\":\""] {
        let Some(at) = line.find(word).map(|at| at + word.len()) else { continue };
        let hash = line[at..].bytes().take_while(u8::is_ascii_hexdigit).count();
        if hash == 12 || hash == 64 {
            line.replace_range(at..at + hash, "<hash>");
        }
    }
    line
}
