//! Fetching models from a mirror.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use domain::language::LanguagePair;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::changes::{Changes, delete};
use super::fetch::{Http, Wanted, validator_file};
use super::mirror::{Mirror, OfferedModel, shown};
use super::{ModelStore, ModelStoreError, StoredModel};
use crate::neural::metadata::{Compression, StoredFile, folder_of_pair};
use crate::neural::package::hexadecimal;

/// What became of a model that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// It was fetched and is in its place.
    Installed(StoredModel),
    /// It was there already, as the mirror has it.
    Current(StoredModel),
}

/// How far fetching has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The model that is being fetched.
    pub pair: LanguagePair,
    /// How much of it is there.
    pub done_bytes: u64,
    /// How much there will be, or about that where it is packed.
    pub size_bytes: u64,
}

/// One model on its way.
struct Way<'a> {
    mirror: &'a Mirror,
    http: &'a Http,
    pair: LanguagePair,
    size_bytes: u64,
    done_bytes: u64,
    progress: &'a mut dyn FnMut(Progress),
}

impl ModelStore {
    /// Fetches the models of `offers`, one after the other, and says of each what
    /// became of it. What is half fetched stays for the next time.
    pub fn pull(
        &self,
        mirror: &Mirror,
        offers: &[OfferedModel],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Result<Pulled, ModelStoreError>>, ModelStoreError> {
        self.pull_over(&Http::default(), mirror, offers, progress)
    }

    pub(super) fn pull_over(
        &self,
        http: &Http,
        mirror: &Mirror,
        offers: &[OfferedModel],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Result<Pulled, ModelStoreError>>, ModelStoreError> {
        let changes = Changes::begin(&self.folder)?;
        let mut pulled = Vec::with_capacity(offers.len());
        for offer in offers {
            pulled.push(self.pull_one(&changes, http, mirror, offer, progress));
        }
        Ok(pulled)
    }

    fn pull_one(
        &self,
        changes: &Changes,
        http: &Http,
        mirror: &Mirror,
        offer: &OfferedModel,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Pulled, ModelStoreError> {
        let (pair, metadata) = (offer.pair, offer.metadata.of_unpacked(&offer.parts));
        if let Ok(package) = self.package(pair)
            && package.metadata == metadata
            && (self.check)(&package).is_ok()
        {
            return Ok(Pulled::Current(self.stored(pair, &Ok(package))));
        }
        let folder = changes.gather(pair)?;
        let installed = self.folder.join(folder_of_pair(pair));
        let size_bytes = offer.size_bytes;
        let mut way = Way { mirror, http, pair, size_bytes, done_bytes: 0, progress };
        for file in offer.parts.iter() {
            way.fetch(file, &folder, &installed)?;
        }
        Ok(Pulled::Installed(self.install(changes, pair, &metadata)?))
    }
}

impl Way<'_> {
    // Leaves the file in `folder`, unpacked and with the right sum. `installed`
    // may have it already.
    fn fetch(
        &mut self,
        file: &StoredFile,
        folder: &Path,
        installed: &Path,
    ) -> Result<(), ModelStoreError> {
        let whole = folder.join(&file.name);
        let known = installed.join(&file.name);
        if !has_sum(&whole, file) {
            delete(&whole)?;
            if has_sum(&known, file) {
                fs::copy(&known, &whole).map_err(ModelStoreError::file(&whole))?;
            } else {
                self.fetch_whole(file, folder, &whole)?;
            }
        }
        self.done_bytes += file.size;
        self.report(0);
        Ok(())
    }

    fn fetch_whole(
        &mut self,
        file: &StoredFile,
        folder: &Path,
        whole: &Path,
    ) -> Result<(), ModelStoreError> {
        let part = folder.join(format!("{}.part", file.packed_name()));
        let mut was_begun = part.metadata().is_ok_and(|part| 0 < part.len());
        loop {
            let fetched = self.fetch_part(file, &part);
            fetched.map_err(|reason| self.failed(file, reason))?;
            let unpacked = unpack(file, &part, whole);
            match unpacked {
                Ok(()) => break,
                // The beginning may be of another version.
                Err(_) if was_begun => was_begun = false,
                Err(reason) => {
                    forget(&part)?;
                    return Err(self.failed(file, reason));
                }
            }
            forget(&part)?;
        }
        forget(&part)
    }

    fn fetch_part(&mut self, file: &StoredFile, part: &Path) -> Result<(), String> {
        let (size, bytes_max) = match file.compression {
            None => (Some(file.size), file.size),
            // Packing may make what cannot be packed a little longer.
            Some(Compression::Gz) => (None, file.size + file.size / 100 + (64 << 10)),
        };
        let name = self.name(file);
        match self.mirror {
            Mirror::Folder(folder) => copy(&folder.join(name), part, bytes_max),
            Mirror::Url(url) => {
                let url = &format!("{url}/{name}");
                let http = self.http;
                http.fetch(&Wanted { url, part, size, bytes_max }, &mut |have| self.report(have))
            }
        }
    }

    fn name(&self, file: &StoredFile) -> String {
        format!("{}/{}", folder_of_pair(self.pair), file.packed_name())
    }

    fn report(&mut self, more_bytes: u64) {
        let (pair, size_bytes) = (self.pair, self.size_bytes);
        let done_bytes = (self.done_bytes + more_bytes).min(size_bytes);
        (self.progress)(Progress { pair, done_bytes, size_bytes });
    }

    fn failed(&self, file: &StoredFile, reason: String) -> ModelStoreError {
        let name = self.name(file);
        let place = match self.mirror {
            Mirror::Folder(folder) => folder.join(name).display().to_string(),
            Mirror::Url(url) => shown(&format!("{url}/{name}")),
        };
        ModelStoreError::Fetch { place, reason }
    }
}

fn forget(part: &Path) -> Result<(), ModelStoreError> {
    delete(&validator_file(part))?;
    delete(part)
}

fn copy(from: &Path, to: &Path, bytes_max: u64) -> Result<(), String> {
    let source = File::open(from).map_err(|err| err.to_string())?;
    let copied =
        File::create(to).and_then(|mut to| io::copy(&mut source.take(bytes_max + 1), &mut to));
    match copied {
        Ok(bytes) if bytes_max < bytes => {
            Err(format!("it has more than the {bytes_max} bytes it may have"))
        }
        Ok(_) => Ok(()),
        Err(err) => Err(err.to_string()),
    }
}

// Makes `whole` of `part` if it has the size and the sum that `file` has.
fn unpack(file: &StoredFile, part: &Path, whole: &Path) -> Result<(), String> {
    let packed = File::open(part).map_err(|err| err.to_string())?;
    match file.compression {
        None => {
            check_sum(packed, file)?;
            fs::rename(part, whole).map_err(|err| err.to_string())
        }
        Some(Compression::Gz) => {
            let unpacked = part.with_extension("unpacked");
            let target = File::create(&unpacked).map_err(|err| err.to_string())?;
            let reader = Tee { reader: MultiGzDecoder::new(packed), copy: target };
            check_sum(reader, file)?;
            fs::rename(&unpacked, whole).map_err(|err| err.to_string())
        }
    }
}

pub(super) fn has_sum(path: &Path, file: &StoredFile) -> bool {
    let metadata = path.symlink_metadata();
    metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() == file.size)
        && File::open(path).is_ok_and(|content| check_sum(content, file).is_ok())
}

/// Reads what should be `file`, and no more than one byte beyond its size.
pub(super) fn check_sum(content: impl Read, file: &StoredFile) -> Result<(), String> {
    let mut hash = Sha256::new();
    let mut content = content.take(file.size + 1);
    let mut buffer = vec![0; 64 << 10];
    let mut bytes = 0;
    loop {
        let count = content.read(&mut buffer).map_err(|err| err.to_string())?;
        if count == 0 {
            break;
        }
        bytes += count as u64;
        hash.update(&buffer[..count]);
    }
    if bytes != file.size {
        let more = if file.size < bytes { "more than " } else { "" };
        let found = bytes.min(file.size);
        return Err(format!("it has {more}{found} bytes instead of {}", file.size));
    }
    if !file.sha256.eq_ignore_ascii_case(&hexadecimal(&hash.finalize())) {
        return Err("its sha256 is not the one that is listed".to_owned());
    }
    Ok(())
}

/// Reads, and writes what it reads.
pub(super) struct Tee<R> {
    pub(super) reader: R,
    pub(super) copy: File,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.copy.write_all(&buffer[..count])?;
        Ok(count)
    }
}
