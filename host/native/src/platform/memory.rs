//! How much memory a process may still take: of the machine, and of every control group above it.
use std::{fs, path::Path};

/// Bytes that this process can take before the system ends it, where the system says it: the least of what the machine has
/// available and of what its control groups leave. Pages of files do not count, as they are given back when memory is short.
pub(crate) fn available_memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").ok();
    let groups = groups.and_then(|groups| left_by_groups(Path::new("/sys/fs/cgroup"), &groups));
    [machine, groups].into_iter().flatten().min()
}

/// proc_meminfo(5): "MemAvailable:       16384000 kB".
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What the control groups of a process leave it. `groups` is its `/proc/PID/cgroup`: lines of `ID:CONTROLLERS:PATH`
/// (cgroups(7)), of which version 2 has `0::PATH`, and version 1 one with the controller `memory`.
fn left_by_groups(root: &Path, groups: &str) -> Option<u64> {
    groups
        .lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            if controllers.is_empty() {
                // Version 2, alone or beside version 1.
                let alone = left_along(root, path, left_of_v2);
                return alone.or_else(|| left_along(&root.join("unified"), path, left_of_v2));
            }
            let memory = controllers.split(',').any(|controller| controller == "memory");
            if memory { left_along(&root.join("memory"), path, left_of_v1) } else { None }
        })
        .min()
}

/// The least that a group or one above it leaves. In a container the path may be one of the host's, which is not there; the
/// root is then the group.
fn left_along(mount: &Path, path: &str, left: fn(&Path) -> Option<u64>) -> Option<u64> {
    // A process outside of its namespace's root has a path of `/../…`: what is above cannot be seen.
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut folder = mount.to_owned();
    let mut least = left(&folder);
    for part in parts {
        folder.push(part);
        least = [least, left(&folder)].into_iter().flatten().min();
    }
    least
}

fn number(folder: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()
}

/// Bytes of pages of files in a group, by the names that its `memory.stat` has for them.
fn of_files(folder: &Path, names: [&str; 2]) -> u64 {
    let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let value = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        if names.contains(&name) { value.trim().parse::<u64>().ok() } else { None }
    };
    stat.lines().filter_map(value).fold(0, u64::saturating_add)
}

/// `memory.high` slows a group down to a crawl, and `memory.max` ends it: both are its bounds. Either is `max` for none.
fn left_of_v2(folder: &Path) -> Option<u64> {
    let most = [number(folder, "memory.max"), number(folder, "memory.high")].into_iter().flatten().min()?;
    let used = number(folder, "memory.current")?;
    Some(most.saturating_sub(used.saturating_sub(of_files(folder, ["inactive_file", "active_file"]))))
}

fn left_of_v1(folder: &Path) -> Option<u64> {
    let most = number(folder, "memory.limit_in_bytes")?;
    let used = number(folder, "memory.usage_in_bytes")?;
    Some(most.saturating_sub(used.saturating_sub(of_files(folder, ["total_inactive_file", "total_active_file"]))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn group(folder: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(folder).unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
    }

    #[test]
    fn the_tightest_group_above_the_process_counts() {
        let root = tempfile::tempdir().unwrap();
        group(
            &root.path().join("a"),
            &[("memory.max", "4096\n"), ("memory.high", "max\n"), ("memory.current", "1000\n")],
        );
        group(
            &root.path().join("a/b"),
            &[("memory.max", "max\n"), ("memory.high", "2000\n"), ("memory.current", "500\n")],
        );
        group(
            &root.path().join("a/b/c"),
            &[("memory.max", "max\n"), ("memory.high", "max\n"), ("memory.current", "5\n")],
        );
        let left = |path: &str| left_by_groups(root.path(), &format!("0::{path}\n"));
        assert_eq!(left("/"), None);
        assert_eq!(left("/a"), Some(3096));
        assert_eq!(left("/a/b/c"), Some(1500));
        assert_eq!(left("/a/../a/b"), Some(1500));
    }

    #[test]
    fn pages_of_files_are_not_used_up() {
        let root = tempfile::tempdir().unwrap();
        let stat = "anon 100\nfile 700\ninactive_file 300\nactive_file 400\n";
        group(root.path(), &[("memory.max", "1000"), ("memory.current", "800"), ("memory.stat", stat)]);
        assert_eq!(left_by_groups(root.path(), "0::/gone"), Some(900));
    }

    #[test]
    fn the_first_version_is_known_too_and_beside_it_the_second() {
        let root = tempfile::tempdir().unwrap();
        let files = [
            ("memory.limit_in_bytes", "1000"),
            ("memory.usage_in_bytes", "900"),
            ("memory.stat", "total_inactive_file 50\n"),
        ];
        group(&root.path().join("memory/jobs/x"), &files);
        group(&root.path().join("unified/y"), &[("memory.max", "77"), ("memory.current", "7")]);
        let left = |groups: &str| left_by_groups(root.path(), groups);
        assert_eq!(left("3:cpu:/\n4:memory:/jobs/x\n0::/\n"), Some(150));
        assert_eq!(left("4:cpu,memory:/jobs/x\n0::/y\n"), Some(70));
        assert_eq!(left("3:cpu:/jobs/x\n"), None);
        assert_eq!(left("nonsense\n:\n"), None);
    }

    #[test]
    fn what_the_machine_has_available() {
        assert_eq!(available("MemTotal:  10 kB\nMemAvailable:    3 kB\n"), Some(3072));
        assert_eq!(available("MemTotal:  10 kB\n"), None);
        if cfg!(target_os = "linux") {
            assert!(available_memory().unwrap() > 0);
        }
    }
}
