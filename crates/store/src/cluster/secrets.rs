//! The generated passwords and keys of a data directory.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::{ClusterError, home, io};

/// Reads the key, or makes it: whole and on disk before anybody can read it under its name.
pub fn get_or_make(keys: &Path, name: &str) -> Result<[u8; 32], ClusterError> {
    DirBuilder::new().recursive(true).mode(0o700).create(keys).map_err(io("making", keys))?;
    let _alone = home::lock(&keys.join("lock"), Duration::from_secs(10))?;
    let path = keys.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => parse(text.trim()).ok_or_else(|| ClusterError::DamagedKey(path.display().to_string())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let key: [u8; 32] = rand::random();
            let draft = keys.join(format!("{name}.new"));
            let _ = fs::remove_file(&draft);
            write_new(&draft, &format!("{}\n", hex::encode(key))).map_err(io("writing", &draft))?;
            fs::rename(&draft, &path).map_err(io("writing", &path))?;
            Ok(key)
        }
        Err(e) => Err(io("reading", &path)(e)),
    }
}

/// Writes a file that must not be there yet, mode 0600, and waits until it is on disk.
pub fn write_new(path: &Path, text: &str) -> std::io::Result<File> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(file)
}

fn parse(text: &str) -> Option<[u8; 32]> {
    let digits = text.is_ascii() && text.len() == 64;
    let pairs = digits.then(|| (0..64).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16)))?;
    pairs.collect::<Result<Vec<u8>, _>>().ok()?.try_into().ok()
}
