//! The log: a record of a message each, gathered in batches and appended to files by a thread of its own.
//!
//! A record has exactly the bytes that the scenario says. A file that has reached its size is followed by the next; of
//! those of one server process the latest so many are kept. Where the disk is too slow, the server waits for it: the
//! batches under way are bounded. What can't be written is counted and lost.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// A batch is handed on at this size (in bytes), and so many may be under way.
const BATCH: usize = 64 << 10;
const UNDER_WAY: usize = 64;

/// Where a log goes.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSettings {
    /// The folder, which is there.
    pub folder: PathBuf,
    /// What its files' names begin with.
    pub name: String,
    /// Bytes of a record; a mean may be fractional.
    pub bytes_per_message: f64,
    /// Bytes after which the next file begins.
    pub rotate: u64,
    /// Files kept.
    pub keep: usize,
}

/// The log of a server process.
#[derive(Debug)]
pub struct Log {
    batches: Mutex<Option<SyncSender<Vec<u8>>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    done: Arc<Done>,
}

#[derive(Debug, Default)]
struct Done {
    written: AtomicU64,
    lost: AtomicU64,
}

impl Log {
    /// Opens the first file and starts the thread.
    ///
    /// # Errors
    /// When the folder can't be written to.
    pub fn open(settings: LogSettings) -> io::Result<Self> {
        let mut files = Files::open(settings)?;
        let done = Arc::new(Done::default());
        let (batches, coming): (_, Receiver<Vec<u8>>) = sync_channel(UNDER_WAY);
        let count = Arc::clone(&done);
        let writer = thread::Builder::new().name("log".to_owned()).spawn(move || {
            for batch in coming {
                let to = if files.append(&batch).is_ok() { &count.written } else { &count.lost };
                to.fetch_add(batch.len() as u64, Relaxed);
            }
        })?;
        Ok(Self { batches: Mutex::new(Some(batches)), writer: Mutex::new(Some(writer)), done })
    }

    /// Hands a batch to the writer; waits where it is far behind.
    fn hand_over(&self, batch: Vec<u8>) {
        let sender = self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let length = batch.len() as u64;
        if sender.is_none_or(|sender| sender.send(batch).is_err()) {
            self.done.lost.fetch_add(length, Relaxed);
        }
    }

    /// Waits until all that was handed over is written.
    pub fn finish(&self) {
        drop(self.batches.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = writer.join();
        }
    }

    /// Bytes written, and bytes lost.
    pub fn bytes(&self) -> (u64, u64) {
        (self.done.written.load(Relaxed), self.done.lost.load(Relaxed))
    }
}

/// Records on their way to the log, of one thread.
#[derive(Debug)]
pub struct Batch {
    log: Arc<Log>,
    bytes_per_message: f64,
    gathered: Mutex<Gathered>,
}

#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    /// What fractional bytes have added up to.
    carry: f64,
}

impl Batch {
    /// An empty one.
    pub fn new(log: Arc<Log>, bytes_per_message: f64) -> Self {
        Self { log, bytes_per_message, gathered: Mutex::default() }
    }

    /// Adds the record of a message, and says how many bytes it has: a time, the message as far as there is room, blanks
    /// where there is more, and a new line.
    pub fn add(&self, milliseconds: u64, message: &[u8]) -> u64 {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = self.bytes_per_message + gathered.carry;
        let length = wanted as usize;
        gathered.carry = wanted - length as f64;
        let bytes = &mut gathered.bytes;
        let end = bytes.len() + length;
        if length > 0 {
            // Writing to a vector does not fail.
            let _ = write!(bytes, "{milliseconds} ");
            let room = end.saturating_sub(bytes.len() + 1).min(message.len());
            bytes.extend(message[..room].iter().map(|byte| if *byte < b' ' { b' ' } else { *byte }));
            // Short records have no room for all of the time.
            bytes.resize(end - 1, b' ');
            bytes.push(b'\n');
        }
        if bytes.len() >= BATCH {
            let full = std::mem::replace(bytes, Vec::with_capacity(BATCH + length));
            drop(gathered);
            self.log.hand_over(full);
        }
        length as u64
    }

    /// Hands on what there is.
    pub fn flush(&self) {
        let bytes = std::mem::take(&mut self.gathered.lock().unwrap_or_else(PoisonError::into_inner).bytes);
        if !bytes.is_empty() {
            self.log.hand_over(bytes);
        }
    }
}

/// The files, one after the other.
struct Files {
    settings: LogSettings,
    file: File,
    number: usize,
    size: u64,
}

impl Files {
    fn open(settings: LogSettings) -> io::Result<Self> {
        let mut number = 1;
        // Files of an earlier run stay as they are.
        while path(&settings, number).exists() {
            number += 1;
        }
        let file = create(&path(&settings, number))?;
        Ok(Self { settings, file, number, size: 0 })
    }

    /// Appends records, the next file's from a record's beginning on.
    fn append(&mut self, mut records: &[u8]) -> io::Result<()> {
        while !records.is_empty() {
            let room = self.settings.rotate.saturating_sub(self.size) as usize;
            // The record that fills a file is its last.
            // It ends at `room` or later.
            let last =
                records.get(room.saturating_sub(1)..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n'));
            let part = last.map_or(records.len(), |at| room.saturating_sub(1) + at + 1);
            self.file.write_all(&records[..part])?;
            self.size += part as u64;
            records = &records[part..];
            if self.size >= self.settings.rotate {
                self.next()?;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> io::Result<()> {
        self.file = create(&path(&self.settings, self.number + 1))?;
        self.number += 1;
        self.size = 0;
        if let Some(old) = self.number.checked_sub(self.settings.keep).filter(|old| *old > 0) {
            match fs::remove_file(path(&self.settings, old)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(true).open(path)
}

fn path(settings: &LogSettings, number: usize) -> PathBuf {
    settings.folder.join(format!("{}-{number:06}.log", settings.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("plimsoll-log-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn sizes(folder: &Path) -> Vec<(String, u64)> {
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.metadata().unwrap().len()))
            .collect();
        found.sort();
        found
    }

    #[test]
    fn every_record_is_there_and_old_files_are_not() {
        let folder = folder("rotate");
        let settings = LogSettings {
            folder: folder.clone(),
            name: "x".to_owned(),
            bytes_per_message: 100.0,
            rotate: 1_000,
            keep: 3,
        };
        let log = Arc::new(Log::open(settings).unwrap());
        let batch = Batch::new(Arc::clone(&log), 100.0);
        for at in 0..64 {
            assert_eq!(batch.add(at, b"hello\nyou"), 100);
        }
        batch.flush();
        log.finish();
        assert_eq!(log.bytes(), (6_400, 0));
        let wanted = [("x-000005.log", 1_000), ("x-000006.log", 1_000), ("x-000007.log", 400)];
        assert_eq!(sizes(&folder), wanted.map(|(name, size)| (name.to_owned(), size)));
        let text = fs::read_to_string(folder.join("x-000007.log")).unwrap();
        assert!(text.lines().count() == 4 && text.starts_with("60 hello you   "), "{text}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn fractions_of_bytes_add_up_and_short_records_stay_short() {
        let folder = folder("short");
        let settings = LogSettings {
            folder: folder.clone(),
            name: "x".to_owned(),
            bytes_per_message: 1.25,
            rotate: 1 << 20,
            keep: 1,
        };
        let log = Arc::new(Log::open(settings).unwrap());
        let batch = Batch::new(Arc::clone(&log), 1.25);
        assert_eq!((0..8).map(|_| batch.add(123_456, b"long")).sum::<u64>(), 10);
        batch.flush();
        log.finish();
        assert_eq!(sizes(&folder), [("x-000001.log".to_owned(), 10)]);
        fs::remove_dir_all(folder).unwrap();
    }
}
