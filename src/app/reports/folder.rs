//! A folder that is there as a whole or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context as _, anyhow};
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// A folder's name is at most so many bytes; file systems take 255.
const LONGEST: usize = 120;
/// What tells a report from other people's folders.
const OURS: [&str; 2] = ["report.html", "report.json"];

/// Writes files into `NAME` under this folder, in place of the report that is there. Returns where they are.
pub fn replace(under: &Path, name: &str, files: Vec<(String, Vec<u8>)>) -> anyhow::Result<PathBuf> {
    let name = safe(name);
    let place = under.join(&name);
    let failed = || format!("the report can't be written to `{}`", place.display());
    fs::create_dir_all(under).with_context(failed)?;
    check(&place)?;
    let part = under.join(format!(".{name}.{}.part", process::id()));
    let done = fill(&part, files).and_then(|()| put(&part, &place));
    // Whatever is left under this name: half of the new report, or all of the old one.
    let _ = fs::remove_dir_all(&part);
    done.with_context(failed)?;
    Ok(place)
}

/// Only a report is replaced, never what else may have this name.
fn check(place: &Path) -> anyhow::Result<()> {
    let Ok(mut entries) = fs::read_dir(place) else {
        if fs::symlink_metadata(place).is_ok() {
            return Err(anyhow!(
                "`{}` is in the way of the report; name another folder: `--report DIR`",
                place.display()
            ));
        }
        return Ok(());
    };
    if entries.next().is_none() || OURS.iter().all(|file| place.join(file).is_file()) {
        return Ok(());
    }
    Err(anyhow!("`{}` is no report, and is left alone; name another folder: `--report DIR`", place.display()))
}

fn fill(part: &Path, files: Vec<(String, Vec<u8>)>) -> io::Result<()> {
    fs::create_dir(part)?;
    files.into_iter().try_for_each(|(name, bytes)| fs::write(part.join(name), bytes))
}

/// Moves the new folder to its place. The old one is then where the new one was.
fn put(part: &Path, place: &Path) -> io::Result<()> {
    if fs::symlink_metadata(place).is_err() {
        return fs::rename(part, place);
    }
    if renameat_with(CWD, part, CWD, place, RenameFlags::EXCHANGE).is_ok() {
        return Ok(());
    }
    // Not every file system can exchange two folders: then there is a moment without a report, but never half of one.
    let old = part.with_extension("old");
    fs::rename(place, &old)?;
    if let Err(error) = fs::rename(part, place) {
        fs::rename(&old, place)?;
        return Err(error);
    }
    fs::remove_dir_all(&old)
}

/// A name that is one folder's on any file system, and no hidden one.
pub fn safe(name: &str) -> String {
    let mut out = String::new();
    for c in name.trim().chars() {
        let c = if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
        if out.len() + c.len_utf8() > LONGEST {
            break;
        }
        out.push(c);
    }
    let out = out.trim_matches(['.', '-']).to_owned();
    if out.is_empty() { "scenario".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_below_its_folder() {
        for (name, folder) in [
            ("chat-10k", "chat-10k"),
            ("../../etc/passwd", "etc-passwd"),
            ("..", "scenario"),
            ("a b\0c\n", "a-b-c"),
            (".hidden", "hidden"),
            ("café", "café"),
            ("<script>", "script"),
            ("", "scenario"),
        ] {
            assert_eq!(safe(name), folder, "{name:?}");
        }
        assert!(safe(&"ü".repeat(500)).len() <= LONGEST);
    }
}
